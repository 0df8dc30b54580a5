from pathlib import Path

import mergec


def make(folder: Path) -> None:
    out = mergec.load(folder / "recipe.yaml").build(workers=1).path
    (out / "notes.txt").write_text("mine")
