from pathlib import Path


def make(folder: Path) -> None:
    (folder / "a.safetensors").write_bytes(b"x")
    (folder / "b.safetensors").write_bytes(b"x")
