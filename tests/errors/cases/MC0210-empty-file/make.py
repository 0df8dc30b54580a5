from pathlib import Path


def make(folder: Path) -> None:
    (folder / "base.safetensors").write_bytes(b"")
