"""A finished output put in its place in one step."""

from __future__ import annotations

import ctypes
import errno
import os
import shutil
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_AT_FDCWD = -100
_RENAME_EXCHANGE = 2


def publish(partial: Path, target: Path) -> None:
    """Move `partial` to `target`, replacing what is there. The target is never half there.

    A file, or a directory where there was nothing, is one rename. A directory that replaces another
    is exchanged with it in one system call; where the system has none, the old one is moved aside
    first, so that for a moment there is nothing at the target.
    """
    if not target.is_dir() or target.is_symlink():
        partial.replace(target)
        return
    if partial.is_dir() and _exchange(partial, target):
        shutil.rmtree(partial)
        return
    old = target.with_name(target.name + ".replaced")
    if old.is_dir():
        shutil.rmtree(old)
    target.rename(old)
    try:
        partial.rename(target)
    except OSError:
        old.rename(target)
        raise
    shutil.rmtree(old)


def _exchange(first: Path, second: Path) -> bool:
    """Swap two directories atomically; False where the system cannot."""
    try:
        renameat2 = ctypes.CDLL(None, use_errno=True).renameat2
    except (AttributeError, OSError):
        return False
    paths = os.fsencode(first), os.fsencode(second)
    if renameat2(_AT_FDCWD, paths[0], _AT_FDCWD, paths[1], _RENAME_EXCHANGE) == 0:
        return True
    code = ctypes.get_errno()
    if code in {errno.ENOSYS, errno.EINVAL, errno.EOPNOTSUPP}:
        return False
    raise OSError(code, os.strerror(code), str(second))
