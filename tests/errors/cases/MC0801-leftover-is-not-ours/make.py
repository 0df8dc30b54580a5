from pathlib import Path


def make(folder: Path) -> None:
    (folder / "out.partial").mkdir()
    (folder / "out.partial" / "notes.txt").write_text("mine")
