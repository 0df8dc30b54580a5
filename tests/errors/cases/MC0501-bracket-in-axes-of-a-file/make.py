from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

TABLE = """\
tensors:
  up.weight: units _
  up.bias: units
  down.weight: _ units[]
"""


def make(folder: Path) -> None:
    (folder / "table.yaml").write_text(TABLE)
