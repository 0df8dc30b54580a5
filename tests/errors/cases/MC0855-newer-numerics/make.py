from pathlib import Path

from tests.lock.locking import forged, state_of


def make(folder: Path) -> None:
    recipe = folder / "recipe.yaml"
    now = state_of(recipe)
    forged(recipe, now.model_copy(update={"tool": now.tool.model_copy(update={"numerics": 0})}))
