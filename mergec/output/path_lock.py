"""A lock on a file or directory, so that two builds never work on one output."""

from __future__ import annotations

import fcntl
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def lock(path: Path) -> int | None:
    """A descriptor that holds the lock of what is at `path`; None where another holder has it.

    The lock ends when the descriptor is closed, at the latest with the process: a killed build leaves
    none behind. It belongs to the file or directory, and moves with it when that is renamed.

    Raises:
        OSError: there is nothing at the path, or it may not be read.
    """
    # Without O_NONBLOCK, opening a pipe waits for its writer, perhaps forever.
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    is_held = False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        is_held = True
    except OSError:
        pass  # no locks here, as for directories on NFS: two builds at once are not told apart then
    if is_held or not _leads_to(path, descriptor):
        os.close(descriptor)
        return None
    return descriptor


def _leads_to(path: Path, descriptor: int) -> bool:
    """Whether the path still names the open file; if not, somebody else is at work here."""
    try:
        there = path.stat()
    except OSError:
        return False
    held = os.fstat(descriptor)
    return (held.st_dev, held.st_ino) == (there.st_dev, there.st_ino)
