from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

PLUGIN = '''\
from mergec.plugin import Tensor, method


@method(gives="as inputs")
def middle(inputs: list[Tensor]) -> Tensor:
    """Middle of two models."""
    return (inputs[0] + inputs[2]) * 0.5
'''


def make(folder: Path) -> None:
    (folder / "mine.py").write_text(PLUGIN)
