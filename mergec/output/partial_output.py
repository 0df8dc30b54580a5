"""The output while it is being made: beside its final place, complete or gone."""

from __future__ import annotations

import errno
import os
import shutil
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from mergec.diagnostics import MergecError
from mergec.ir.byte_size import format_size
from mergec.output.background_disk import BackgroundDisk
from mergec.output.errors import BuildRunning, CannotWrite, DiskTooSmall, OutputExists
from mergec.output.manifest import write_manifest
from mergec.output.ownership import is_ours, partial_path
from mergec.output.path_lock import lock
from mergec.output.side_files import copy_side_files
from mergec.output.swap import publish, remove
from mergec.output.tensor_digests import TensorDigests, digest_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from mergec.ir.config_edit import SideChange
    from mergec.ir.plan import OutputLayout

# Room beside the tensors for side files and directory blocks.
_SLACK = 1 << 20
# How much is written to a file before the disk is told to start on it.
_WRITE_BACK = 128 << 20


class PartialOutput:
    """Shard files at their full size, open for writing at any position.

    A single-file output is a `.partial` file beside the final one; a directory output a `.partial`
    directory.
    """

    def __init__(
        self, target: Path, layout: OutputLayout, *, is_single_file: bool, reserve: bool = False
    ) -> None:
        """Make the files; `reserve` has their room set aside in the background.

        Raises:
            MergecError: MC0803 when there is no room; MC0804 when the system refuses; MC0805 when
                another build is at work there; MC0801 when what is there is not from mergec.
        """
        self._target = target = target.resolve()  # what a link leads to is replaced, not the link
        self._is_single_file = is_single_file
        self.path = partial_path(target)
        self._descriptors: list[int] = []
        self._layout = layout
        self._disk = BackgroundDisk()
        self._written = [0] * len(layout.shards)
        self._digests = TensorDigests(layout, self._read)
        self.digests = {n: digest_of([]) for n, tensor in enumerate(layout.tensors) if not tensor.nbytes}
        self._is_mine = False
        self._locks: list[int] = []
        with self._told_as_diagnostics(self.path), self._gone_on_error():
            target.parent.mkdir(parents=True, exist_ok=True)
            self._check_room(layout.nbytes + _SLACK)
            self._clear_leftover()
            self._claim()
            self._create(reserve=reserve)

    @property
    def _files(self) -> Sequence[Path]:
        if self._is_single_file:
            return [self.path]
        return [self.path / shard.name for shard in self._layout.shards]

    def _check_room(self, needed: int) -> None:
        free = shutil.disk_usage(self._target.parent).free
        if needed > free:
            where = str(self._target.parent)
            raise MergecError([DiskTooSmall(needed=format_size(needed), where=where, free=format_size(free))])

    def _clear_leftover(self) -> None:
        """Remove what a killed build left, but neither a running build's files nor anybody else's."""
        if not (self.path.exists() or self.path.is_symlink()):
            return
        leftover = lock(self.path)
        if leftover is None:
            raise self._running()
        try:
            if not is_ours(self.path):
                help_ = "remove it, or build somewhere else"
                raise MergecError([OutputExists(path=str(self.path), help=help_)])
            remove(self.path)
        finally:
            os.close(leftover)

    def _claim(self) -> None:
        """Make the file or directory that all is written to, and lock it against other builds."""
        try:
            if self._is_single_file:
                self.path.touch(exist_ok=False)
            else:
                self.path.mkdir()
            mine = lock(self.path)
        except (FileExistsError, FileNotFoundError):  # another build came between two of these calls
            mine = None
        if mine is None:
            raise self._running()
        self._is_mine = True
        self._locks.append(mine)

    def _running(self) -> MergecError:
        return MergecError([BuildRunning(path=str(self._target))])

    def _create(self, *, reserve: bool) -> None:
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        for path, shard in zip(self._files, self._layout.shards, strict=True):
            descriptor = os.open(path, flags, 0o666)
            self._descriptors.append(descriptor)
            _write(descriptor, 0, memoryview(shard.header))  # first: it says whose file this is
            os.ftruncate(descriptor, shard.size)
            if reserve:
                self._disk.reserve(descriptor, shard.size)

    def fileno(self, shard: int) -> int:
        """The descriptor of a shard's file."""
        return self._descriptors[shard]

    def write_at(self, shard: int, offset: int, buffer: memoryview) -> None:
        """Write all of the buffer.

        Raises:
            MergecError: MC0804 when the system refuses.
        """
        with self._told_as_diagnostics(self._files[shard]):
            self._disk.raise_failure()
            _write(self._descriptors[shard], offset, buffer)
        self._digests.note_written(shard, offset, buffer)
        # Two threads may lose each other's count: it only times the next call, and no byte depends on it.
        self._written[shard] += len(buffer)
        if self._written[shard] >= _WRITE_BACK:
            self._written[shard] = 0
            self._disk.write_back(self._descriptors[shard])

    def note_copied(self, shard: int, offset: int, nbytes: int, scratch: memoryview) -> None:
        """The kernel has written these bytes of a shard's file.

        Raises:
            MergecError: MC0804 when they cannot be read back.
        """
        with self._told_as_diagnostics(self._files[shard]):
            self._digests.note_copied(shard, offset, nbytes, scratch)

    def note_done(self, tensor: int, nbytes: int, scratch: memoryview) -> None:
        """So many more bytes of a tensor are in its file.

        Raises:
            MergecError: MC0804 when some cannot be read back.
        """
        with self._told_as_diagnostics(self._files[self._layout.tensors[tensor].shard]):
            digest = self._digests.note_done(tensor, nbytes, scratch)
        if digest is not None:
            self.digests[tensor] = digest

    def _read(self, shard: int, offset: int, buffer: memoryview) -> None:
        while buffer:
            count = os.preadv(self._descriptors[shard], [buffer], offset)
            if not count:
                raise OSError(errno.EIO, "it became shorter while it was written")
            buffer, offset = buffer[count:], offset + count

    def add_side_files(
        self, origins: Mapping[Path, Path], config: Mapping[str, object], changes: Sequence[SideChange]
    ) -> None:
        """Copy config, tokenizer and other files, each from its folder, into a directory output.

        Raises:
            MergecError: MC0804 when one cannot be read or written.
        """
        with self._told_as_diagnostics(self.path):
            copy_side_files(origins, self.path, self._layout, config, changes)

    def publish(self, index: str | None) -> None:
        """Write index and manifest, make everything durable, then move it to its place in one step.

        Raises:
            MergecError: MC0804 when the system refuses.
        """
        with self._told_as_diagnostics(self.path):
            self._disk.finish()
            for descriptor in self._descriptors:
                os.fsync(descriptor)
            self._close_files()
            if index is not None:
                (self.path / "model.safetensors.index.json").write_text(index, "utf-8")
            if not self._is_single_file:
                write_manifest(self.path)
                _sync_tree(self.path)
            self._lock_old()
            publish(self.path, self._target)
            self._is_mine = False
            _sync_directory(self._target.parent)

    def _lock_old(self) -> None:
        """Lock what is replaced: for a moment it stands under the name that another build would use."""
        with suppress(OSError):  # mostly there is nothing
            old = lock(self._target)
            if old is not None:
                self._locks.append(old)

    def discard(self) -> None:
        """Remove what was not published. What cannot be removed is left to the next build."""
        self._close_files()
        if self._is_mine:
            with suppress(OSError):
                remove(self.path)
            self._is_mine = False
        while self._locks:
            os.close(self._locks.pop())

    def _close_files(self) -> None:
        with suppress(OSError):  # told by `publish`; what is discarded may fail
            self._disk.finish()
        while self._descriptors:
            os.close(self._descriptors.pop())

    @contextmanager
    def _gone_on_error(self) -> Iterator[None]:
        try:
            yield
        except BaseException:
            self.discard()
            raise

    @contextmanager
    def _told_as_diagnostics(self, path: Path) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            problem = error.strerror or str(error)
            where = str(error.filename or path)
            raise MergecError([CannotWrite(path=where, problem=problem)]) from error


def _write(descriptor: int, offset: int, buffer: memoryview) -> None:
    while buffer:
        count = os.pwrite(descriptor, buffer, offset)
        buffer, offset = buffer[count:], offset + count


def _sync_tree(folder: Path) -> None:
    for path in sorted(folder.rglob("*")):
        _sync_directory(path)
    _sync_directory(folder)


def _sync_directory(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
