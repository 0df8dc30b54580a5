from pathlib import Path


def make(folder: Path) -> None:
    (folder / "model.h5").write_bytes(b"\x89HDF" + bytes(60))
    (folder / "notes.txt").write_text("weights are elsewhere")
