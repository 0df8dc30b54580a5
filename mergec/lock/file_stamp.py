"""What tells two states of a file apart without reading it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

from mergec.sources.checkpoint import FileIdentity

if TYPE_CHECKING:
    from pathlib import Path

# No file system counts time in coarser steps than this.
_STEP_NS = 2 * 10**9


class FileStamp(NamedTuple):
    """A file as the system describes it. Who writes to it may set its `modified_ns`, but not `changed_ns`."""

    device: int
    inode: int
    size: int
    modified_ns: int
    changed_ns: int

    @property
    def identity(self) -> FileIdentity:
        """What the readers of headers know it by."""
        return FileIdentity(self.size, self.modified_ns, self.inode)

    def is_of(self, identity: FileIdentity) -> bool:
        """Whether this is the file whose header was read, as far as its owner lets everybody know."""
        return self.identity == identity

    def is_settled(self, now_ns: int) -> bool:
        """Whether every write from now on will show.

        A write within the same step of the file system's clock would not. Where the clock of this machine
        stands before the time of the file, nobody can tell.
        """
        return now_ns - self.changed_ns > _STEP_NS

    def __str__(self) -> str:
        return ":".join(map(str, self))


def stamp_of(file: int | Path) -> FileStamp:
    """The stamp of an open file, or of the file that a path leads to.

    Raises:
        OSError: the path leads nowhere.
    """
    status = os.stat(file)  # noqa: PTH116 - a descriptor has no other way
    return FileStamp(status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
