from pathlib import Path

from tests.lock.locking import edited


def make(folder: Path) -> None:
    edited(folder / "recipe.yaml", lambda text: text.replace("schema: 1", "schema: 2"))
