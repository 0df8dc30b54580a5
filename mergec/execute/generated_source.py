"""A source whose bytes are made when they are read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mergec.kernels.normal import BLOCK, normal_values

if TYPE_CHECKING:
    from mergec.ir.program import Generator

_WIDTH = 4


class GeneratedSource:
    """The endless float32 sequence of a generator, as if it lay in a file."""

    def __init__(self, generator: Generator) -> None:
        """Read from this generator."""
        self._generator = generator

    def read_at(self, offset: int, buffer: memoryview) -> None:
        """Fill the buffer with elements from byte `offset` on, in parts so that scratch stays small."""
        seed, name, deviation = self._generator
        start, count = offset // _WIDTH, len(buffer) // _WIDTH
        while count:
            size = min(BLOCK - start % BLOCK, count)
            buffer[: size * _WIDTH] = normal_values(seed, name, deviation, start, size).tobytes()
            buffer = buffer[size * _WIDTH :]
            start, count = start + size, count - size
