from pathlib import Path

from tests.lock.locking import locked


def make(folder: Path) -> None:
    other = folder / "recipe.yml"
    other.write_bytes((folder / "recipe.yaml").read_bytes())
    locked(other)
