from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

PLUGIN = """\
raise SystemExit
"""


def make(folder: Path) -> None:
    (folder / "mine.py").write_text(PLUGIN)
