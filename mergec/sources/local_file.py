"""The bytes of a file on this machine."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from mergec.diagnostics import MergecError
from mergec.sources.open_file import changed, check_path, identity_of, open_descriptor, why_not

if TYPE_CHECKING:
    from pathlib import Path

    from mergec.sources.checkpoint import FileIdentity


class LocalFile:
    """A file on this machine, read with `preadv`: never mapped, so that no page of it counts as ours."""

    def __init__(self, path: Path, identity: FileIdentity) -> None:
        """Open the file.

        Raises:
            MergecError: it cannot be opened, or is not the file with this identity any more.
        """
        self._path = path
        self._identity = identity
        self._descriptor = open_descriptor(path)
        try:
            self.check_unchanged()
        except MergecError:
            self.close()
            raise

    @property
    def size(self) -> int:
        """The size of the file in bytes."""
        return self._identity.size

    def fileno(self) -> int:
        """The descriptor, for calls such as `copy_file_range`."""
        return self._descriptor

    def read_at(self, offset: int, buffer: memoryview) -> None:
        """Fill the buffer with the bytes from `offset` on.

        Raises:
            MergecError: the file ends before the buffer is full, or the system refused to read.
        """
        if not buffer.nbytes:
            return
        rest = buffer.cast("B")
        while rest.nbytes:
            try:
                # One call moves at most 2 GiB, and a signal or a network mount may cut it short.
                count = os.preadv(self._descriptor, [rest], offset)
            except OSError as error:
                raise MergecError([why_not(self._path, error)]) from error
            if not count:
                raise MergecError([changed(self._path, "it became shorter")])
            rest = rest[count:]
            offset += count

    def check_unchanged(self) -> None:
        """Make sure that the open file and the file at its path are the one whose header was read.

        Raises:
            MergecError: it was replaced, rewritten, cut or removed.
        """
        check_path(self._path, self._identity)
        if identity_of(self._descriptor) != self._identity:
            raise MergecError([changed(self._path, "it was written to")])

    def close(self) -> None:
        """Close the file; doing so twice does no harm."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
