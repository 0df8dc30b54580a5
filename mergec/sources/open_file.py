"""Open a file of a source, or say why not."""

from __future__ import annotations

import os
import stat
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from mergec.diagnostics import MergecError, nearest, safe
from mergec.sources.checkpoint import FileIdentity
from mergec.sources.errors import NotAFile, SourceChanged, SourceMissing, SourceUnreadable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mergec.diagnostics import Diagnostic

_KINDS = {
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFDIR: "a directory",
}
_LIKELY = 3


@contextmanager
def opened(path: Path) -> Iterator[int]:
    """A descriptor of the regular file at `path`, closed afterwards.

    Raises:
        MergecError: it is missing, unreadable, or no regular file.
    """
    descriptor = open_descriptor(path)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def open_descriptor(path: Path) -> int:
    """A descriptor of the regular file at `path`, for the caller to close.

    Raises:
        MergecError: it is missing, unreadable, or no regular file.
    """
    try:
        # Without O_NONBLOCK, opening a pipe waits for its writer, perhaps forever.
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except (OSError, ValueError) as error:
        raise MergecError([why_not(path, error)]) from error
    mode = os.fstat(descriptor).st_mode
    if not stat.S_ISREG(mode):
        os.close(descriptor)
        raise MergecError([not_a_file(path, mode)])
    return descriptor


def identity_of(file: int | Path) -> FileIdentity:
    """What an open file, or the file at a path, is known by later."""
    status = os.stat(file)  # noqa: PTH116 - a descriptor has no other way
    return FileIdentity(status.st_size, status.st_mtime_ns, status.st_ino)


def check_path(path: Path, identity: FileIdentity) -> None:
    """Make sure that the path still leads to the file with this identity.

    Raises:
        MergecError: it does not.
    """
    try:
        now = identity_of(path)
    except OSError as error:
        raise MergecError([changed(path, "it was removed")]) from error
    if now.inode != identity.inode:
        raise MergecError([changed(path, "another file took its place")])
    if now != identity:
        raise MergecError([changed(path, "it was written to")])


def read_exactly(descriptor: int, length: int, offset: int, path: Path) -> bytes:
    """`length` bytes from `offset`, which the caller knows to be inside the file.

    Raises:
        MergecError: the file could not be read, or ended early.
    """
    pieces: list[bytes] = []
    while length > 0:
        try:
            piece = os.pread(descriptor, length, offset)
        except OSError as error:
            raise MergecError([why_not(path, error)]) from error
        if not piece:
            raise MergecError([changed(path, "it became shorter")])
        pieces.append(piece)
        length -= len(piece)
        offset += len(piece)
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)


def why_not(path: Path, error: OSError | ValueError) -> Diagnostic:
    """The diagnostic for what the system answered."""
    if isinstance(error, (FileNotFoundError, NotADirectoryError)):
        return SourceMissing(path=str(path), help=_missing_help(path))
    reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
    advice = "make the file and its folders readable for this user"
    if not isinstance(error, PermissionError):
        advice = "check the path, and that the disk or mount it lies on works"
    return SourceUnreadable(path=str(path), reason=reason, help=advice)


def not_a_file(path: Path, mode: int) -> Diagnostic:
    """The diagnostic for something that is there, but is no regular file."""
    kind = _KINDS.get(stat.S_IFMT(mode), "a special file")
    return NotAFile(path=str(path), kind=kind, help="name a regular file, or a directory that holds one")


def changed(path: Path, reason: str) -> Diagnostic:
    """The diagnostic for a file that is no longer the one that was checked."""
    advice = "nothing was published; wait until the file is complete, then run the command again"
    return SourceChanged(path=str(path), reason=reason, help=advice)


RELATIVE = "; relative paths start at the recipe's folder"


def _missing_help(path: Path) -> str:
    """Where the path stops existing, and what resembles the missing name there."""
    if path.is_symlink():
        return f"it is a link to `{safe(path.readlink())}`, which is not there; fetch that file again"
    if "~" in path.parts:
        return "`~` stands for nothing here: write the whole path of your home folder"
    parent, name, rest = path.parent, path.name, Path()
    try:
        while not parent.exists() and parent != parent.parent:
            parent, name, rest = parent.parent, parent.name, name / rest
        present = sorted(entry.name for entry in parent.iterdir())
    except OSError:
        present = []
    near = nearest(name, present, count=_LIKELY)
    if near:
        likely = [
            parent / found / rest if (parent / found / rest).exists() else parent / found for found in near
        ]
        return "did you mean " + " or ".join(f"`{safe(one)}`" for one in likely) + "?"
    return f"`{safe(parent)}` has no `{safe(name)}`{RELATIVE}"
