from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def make(folder: Path) -> None:
    for name in "ab":
        (folder / name / "config.json").write_text('{"num_attention_heads": 3}')
