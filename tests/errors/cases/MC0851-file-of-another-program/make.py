from pathlib import Path


def make(folder: Path) -> None:
    (folder / "recipe.lock").write_text("version: 3\npackages:\n  click: 8.1\n")
