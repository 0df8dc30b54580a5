from pathlib import Path

from tests.lock.locking import locked


def make(folder: Path) -> None:
    recipe, source = folder / "recipe.yaml", folder / "tuned.safetensors"
    locked(recipe)
    recipe.write_text(recipe.read_text().replace("t: 0.25", "t: 0.3"))
    source.write_bytes(source.read_bytes()[:-1] + b"?")
