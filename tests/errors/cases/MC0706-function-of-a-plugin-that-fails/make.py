from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

PLUGIN = """\
from mergec.plugin import Tensor, gram, method, scalars


@method(gives="weights")
def middle(inputs: list[Tensor]) -> Tensor:
    return inputs[0] * scalars(_shares, gram(inputs), size=1)[0]


def _shares(products):
    return [1 / products[2][0]]
"""


def make(folder: Path) -> None:
    (folder / "mine.py").write_text(PLUGIN)
