from pathlib import Path

import mergec
from tests.lock.locking import locked


def make(folder: Path) -> None:
    mergec.load(folder / "recipe.yaml").build(workers=1)
    (folder / "recipe.lock").unlink()
    locked(folder / "recipe.yaml")
