from pathlib import Path


def make(folder: Path) -> None:
    (folder / "plain").mkdir()
    (folder / "base.safetensors").rename(folder / "plain" / "model.safetensors")
