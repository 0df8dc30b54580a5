"""A finished output put in its place in one step."""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from mergec.output.journal import NAME as JOURNAL

if TYPE_CHECKING:
    from collections.abc import Sequence

_UNLINKED_AT_ONCE = 2
_AT_FDCWD = -100
_RENAME_EXCHANGE = 2


def publish(partial: Path, target: Path) -> None:
    """Move `partial` to `target`, replacing what is there. The target is never half there.

    A file over a file, or anything where there was nothing, is one rename. Else the two are exchanged
    in one system call; where the system has none, the old one is moved aside first, so that for a
    moment there is nothing at the target.

    Raises:
        OSError: the system refuses, or what is there is read-only.
    """
    check_replaceable(target)
    if not target.exists() or not (target.is_dir() or partial.is_dir()):
        partial.replace(target)
        return
    if _exchange(partial, target):
        with suppress(OSError):  # the new one is in its place; what is left of the old one blocks nothing
            remove(partial)
        return
    aside = Path(tempfile.mkdtemp(prefix=f"{target.name}.replaced-", dir=target.parent))
    old = aside / target.name
    try:
        target.rename(old)
        try:
            partial.rename(target)
        except OSError:
            old.rename(target)
            raise
    except OSError:
        with suppress(OSError):  # not empty if the old one could not be moved back: then it is all there is
            aside.rmdir()
        raise
    shutil.rmtree(aside, ignore_errors=True)


def check_replaceable(target: Path) -> None:
    """Make sure that what is at the target may be written to: else somebody wants it to stay as it is.

    Raises:
        OSError: it is read-only. To replace it takes no more than the right to write beside it.
    """
    if target.exists() and not os.access(target, os.W_OK):
        raise PermissionError(errno.EACCES, "it is read-only", str(target))


def remove(path: Path) -> None:
    """Remove a file, or a directory with all that is in it, if it is there.

    What tells whose it is goes last, for the case that this is cut short: the weights, then a journal.
    """
    if path.is_dir() and not path.is_symlink():
        files = sorted(inner for inner in path.rglob("*") if inner.is_symlink() or not inner.is_dir())
        weights = [file for file in files if file.suffix == ".safetensors"]
        for file in files:
            if file.name != JOURNAL and file not in weights:
                file.unlink()
        _unlink_weights(weights)
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _unlink_weights(files: Sequence[Path]) -> None:
    """Unlink files by several threads: to free gigabytes takes the system a while."""
    with ThreadPoolExecutor(_UNLINKED_AT_ONCE, "mergec-remove") as pool:
        for _ in pool.map(Path.unlink, files):
            pass


def _exchange(first: Path, second: Path) -> bool:
    """Swap two directories atomically; False where the system cannot."""
    import ctypes  # takes a while to load, and few builds replace a directory

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
