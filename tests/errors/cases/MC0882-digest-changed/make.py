from pathlib import Path

import mergec
from tests.verification.outputs import edit_manifest


def make(folder: Path) -> None:
    out = mergec.load(folder / "recipe.yaml").build(workers=1).path
    edit_manifest(out, lambda manifest: manifest["tensors"]["w"].update(digest="0" * 64), is_sealed=False)
