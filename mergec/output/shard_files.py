"""The files of an output that is being made."""

from __future__ import annotations

import errno
import os
import stat
from typing import TYPE_CHECKING

from mergec.output.refusals import check_room

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from pathlib import Path

    from mergec.ir.plan import OutputLayout, Shard

# Room beside the tensors for side files and directory blocks.
_SLACK = 1 << 20
_FLAGS = os.O_CLOEXEC | os.O_NOFOLLOW


class ShardFiles:
    """Open files, one per shard, at their full size. Any thread may read and write.

    `linked` are the numbers of those for which finished files stand.
    """

    def __init__(self, paths: Sequence[Path], shards: Sequence[Shard]) -> None:
        """Work on these paths; nothing is opened yet."""
        self.paths = paths
        self._shards = shards
        self.descriptors: list[int] = []
        self.linked: set[int] = set()

    def check_room(self, folder: Path, spared: Collection[int]) -> None:
        """Make sure that the disk of a folder has room for all shards but those of the `spared` numbers.

        Raises:
            MergecError: MC0803.
            OSError: the system refuses to tell.
        """
        written = [number for number in range(len(self._shards)) if number not in spared]
        needed = sum(self._shards[number].size for number in written) + _SLACK
        check_room(folder, needed, [self.paths[number] for number in written])

    def create(self) -> None:
        """Open all, with header and size; what an earlier build wrote into them stays.

        Raises:
            OSError: the system refuses.
        """
        for path, shard in zip(self.paths, self._shards, strict=True):
            _make_way(path)
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | _FLAGS, 0o666)
            self.descriptors.append(descriptor)
            write(descriptor, 0, memoryview(shard.header))  # first: it says whose file this is
            os.ftruncate(descriptor, shard.size)

    def read(self, shard: int, offset: int, buffer: memoryview) -> None:
        """Fill the buffer.

        Raises:
            OSError: the system refuses, or the file has become shorter.
        """
        read(self.descriptors[shard], offset, buffer)

    def write(self, shard: int, offset: int, buffer: memoryview) -> None:
        """Write all of the buffer.

        Raises:
            OSError: the system refuses.
        """
        write(self.descriptors[shard], offset, buffer)

    def link(self, shard: int, file: Path) -> bool:
        """Have a finished file stand for a shard; False where that cannot be. Nothing may be written there.

        Raises:
            OSError: the system refuses to put back what stood there.
        """
        path = self.paths[shard]
        spare = path.with_name(f"{path.name}.linked")
        try:
            spare.unlink(missing_ok=True)
            os.link(file, spare, follow_symlinks=False)
            descriptor = os.open(spare, os.O_RDONLY | _FLAGS)
        except OSError:  # another disk, a system without links, somebody else's file
            return False
        spare.replace(path)
        os.dup2(descriptor, self.descriptors[shard], inheritable=False)
        os.close(descriptor)
        self.linked.add(shard)
        return True

    def sync(self) -> None:
        """Have everything on the disk.

        Raises:
            OSError: the system refuses.
        """
        for descriptor in self.descriptors:
            os.fsync(descriptor)

    def close(self) -> None:
        """Close all; doing so twice does no harm."""
        while self.descriptors:
            os.close(self.descriptors.pop())


def has_shard(path: Path, shard: Shard) -> bool:
    """Whether there is a file of the size and header of a shard."""
    if path.is_symlink() or not path.is_file():  # to open a pipe is to wait
        return False
    try:
        with path.open("rb") as stream:
            size = os.fstat(stream.fileno()).st_size
            return size == shard.size and stream.read(len(shard.header)) == shard.header
    except OSError:
        return False


def like_shards(folder: Path, layout: OutputLayout) -> list[int]:
    """The numbers of the shards that files of a folder may stand for, by their names, sizes and headers."""
    return [number for number, shard in enumerate(layout.shards) if has_shard(folder / shard.name, shard)]


def read(descriptor: int, offset: int, buffer: memoryview) -> None:
    """Fill the buffer from a file.

    Raises:
        OSError: the system refuses, or the file ends before.
    """
    while buffer:
        count = os.preadv(descriptor, [buffer], offset)
        if not count:
            raise OSError(errno.EIO, "it became shorter meanwhile")
        buffer, offset = buffer[count:], offset + count


def write(descriptor: int, offset: int, buffer: memoryview) -> None:
    """Write all of the buffer to a file.

    Raises:
        OSError: the system refuses.
    """
    while buffer:
        count = os.pwrite(descriptor, buffer, offset)
        buffer, offset = buffer[count:], offset + count


def _make_way(path: Path) -> None:
    """Remove what must not be written into: a file that is also a part of a finished output, or no file."""
    try:
        status = path.lstat()
    except FileNotFoundError:
        return
    if not stat.S_ISREG(status.st_mode) or status.st_nlink > 1:
        path.unlink()
