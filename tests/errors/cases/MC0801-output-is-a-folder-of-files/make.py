from pathlib import Path


def make(folder: Path) -> None:
    (folder / "thesis").mkdir()
    (folder / "thesis" / "chapter1.tex").write_text("years of work")
