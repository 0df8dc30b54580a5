"""Whether two directories hold the same."""

from __future__ import annotations

import filecmp
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def is_same_tree(first: Path, second: Path) -> bool:
    """Whether both hold files of the same names and contents, and nothing else.

    Raises:
        OSError: one cannot be read.
    """
    names = _names(first)
    return names == _names(second) and all(_is_same(first / name, second / name) for name in names)


def _names(folder: Path) -> list[str]:
    if folder.is_symlink() or not folder.is_dir():
        return []
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir())


def _is_same(first: Path, second: Path) -> bool:
    if second.is_symlink() or not second.is_file():
        return False
    return first.samefile(second) or filecmp.cmp(first, second, shallow=False)
