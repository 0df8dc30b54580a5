from pathlib import Path


def make(folder: Path) -> None:
    (folder / "model.safetensors").symlink_to("../blobs/0123abcd")
