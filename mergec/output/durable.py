"""Files and folders that outlast a loss of power."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def sync(path: Path) -> None:
    """Have a file, or the list of a folder's files, on the disk.

    Raises:
        OSError: the system refuses.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_tree(folder: Path) -> None:
    """Have a folder and all that is in it on the disk.

    Raises:
        OSError: the system refuses.
    """
    for path in sorted(folder.rglob("*")):
        sync(path)
    sync(folder)
