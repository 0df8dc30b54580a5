"""What the disk has no room for and the system refuses, told as diagnostics."""

from __future__ import annotations

import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING

from mergec.diagnostics import MergecError
from mergec.ir.byte_size import format_size
from mergec.output.errors import CannotWrite, DiskTooSmall

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path


@contextmanager
def refusals_told(path: Path) -> Iterator[None]:
    """Errors of the system in the block are about `path`, where they name no other file.

    Raises:
        MergecError: MC0804.
    """
    try:
        yield
    except OSError as error:
        problem = error.strerror or str(error)
        raise MergecError([CannotWrite(path=str(error.filename or path), problem=problem)]) from error


def check_room(folder: Path, needed: int, written_over: Iterable[Path]) -> None:
    """Make sure that a folder's disk has so many bytes, with those of the files that are written over.

    Raises:
        MergecError: MC0803.
        OSError: the system refuses to tell.
    """
    there = sum(path.lstat().st_blocks * 512 for path in written_over if path.exists())
    free = shutil.disk_usage(folder).free
    if needed > free + there:
        raise MergecError(
            [DiskTooSmall(needed=format_size(needed), where=str(folder), free=format_size(free))]
        )
