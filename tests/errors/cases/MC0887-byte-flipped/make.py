from pathlib import Path

import mergec
from tests.verification.outputs import flip


def make(folder: Path) -> None:
    out = mergec.load(folder / "recipe.yaml").build(workers=1).path
    flip(out / "model.safetensors", -1)
