"""Bytes of a weight file at any position: what the execution of a plan reads from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from mergec.sources.checkpoint import Container
from mergec.sources.legacy_torch_bytes import LegacyTorchFile
from mergec.sources.local_file import LocalFile

if TYPE_CHECKING:
    from mergec.sources.checkpoint import WeightFile


class ByteSource(Protocol):
    """Anything with a size that fills buffers from given positions, from several threads at once."""

    @property
    def size(self) -> int:
        """The number of bytes there are."""

    def read_at(self, offset: int, buffer: memoryview) -> None:
        """Fill the buffer with the bytes from `offset` on.

        Raises:
            MergecError: it could not be filled wholly.
        """

    def check_unchanged(self) -> None:
        """Make sure that this is still what was there when the header was read.

        Raises:
            MergecError: it is not.
        """

    def close(self) -> None:
        """Give back what is held; reading afterwards is a mistake."""


def open_bytes(file: WeightFile) -> ByteSource:
    """The bytes that the views into this file refer to.

    Raises:
        MergecError: the file cannot be opened, or is not the one whose header was read.
    """
    if file.container is Container.TORCH_LEGACY:
        return LegacyTorchFile(file)
    return LocalFile(file.path, file.identity)
