from pathlib import Path

from tests.lock.locking import edited


def make(folder: Path) -> None:
    edited(folder / "recipe.yaml", lambda text: text.replace("numerics:", "numeric:"))
