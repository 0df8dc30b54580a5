"""A box of a leaf read as it lies in its file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from mergec.execute.box import runs

if TYPE_CHECKING:
    from mergec.ir.strided_view import StridedView


class Readable(Protocol):
    """What a register is filled from: a file, or a generator of values."""

    def read_at(self, offset: int, buffer: memoryview) -> None:
        """Fill the buffer with the bytes from `offset` on."""


def load_box(source: Readable, box: StridedView, register: memoryview) -> None:
    """Read a box whose file order is its own order: run by run, straight into the register."""
    position = 0
    for offset, nbytes in runs(box):
        source.read_at(offset, register[position : position + nbytes])
        position += nbytes
