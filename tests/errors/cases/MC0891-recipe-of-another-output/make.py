from pathlib import Path

import mergec


def make(folder: Path) -> None:
    mergec.load(folder / "recipe.yaml").build(workers=1)
    (folder / "recipe.lock").unlink()
    recipe = folder / "recipe.yaml"
    recipe.write_text(recipe.read_text().replace("path: out", "path: out, dtype: float16"))
