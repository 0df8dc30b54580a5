from pathlib import Path

import mergec


def make(folder: Path) -> None:
    mergec.load(folder / "recipe.yaml").build()
