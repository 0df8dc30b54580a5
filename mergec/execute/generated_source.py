"""A source whose bytes are made when they are read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mergec.kernels.normal import normal_values

if TYPE_CHECKING:
    from mergec.ir.plan import Generator

_WIDTH = 4
_BLOCK = 1 << 16


class GeneratedSource:
    """The endless float32 sequence of a generator, as if it lay in a file."""

    def __init__(self, generator: Generator) -> None:
        """Read from this generator."""
        self._generator = generator

    def read_at(self, offset: int, buffer: memoryview) -> None:
        """Fill the buffer with elements from byte `offset` on, in parts so that scratch stays small."""
        start, count = offset // _WIDTH, len(buffer) // _WIDTH
        generator = self._generator
        for begin in range(0, count, _BLOCK):
            size = min(_BLOCK, count - begin)
            values = normal_values(generator.seed, generator.name, generator.deviation, start + begin, size)
            buffer[begin * _WIDTH : (begin + size) * _WIDTH] = values.tobytes()
