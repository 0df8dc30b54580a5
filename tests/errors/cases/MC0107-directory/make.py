from pathlib import Path


def make(folder: Path) -> None:
    (folder / "recipe.yaml").mkdir()
