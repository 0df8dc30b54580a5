from pathlib import Path


def make(folder: Path) -> None:
    (folder / "weights" / "optimizer.pt").write_bytes(b"")
