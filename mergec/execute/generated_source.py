"""A source whose bytes are made when they are read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mergec.kernels import normal, uniform

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from mergec.ir.program import Generator

_WIDTH = 4
_BLOCKS = {"normal": normal.BLOCK, "uniform": uniform.BLOCK}


class GeneratedSource:
    """The endless float32 sequence of a generator, as if it lay in a file."""

    def __init__(self, generator: Generator) -> None:
        """Read from this generator."""
        self._generator = generator
        self._block = _BLOCKS[generator.distribution]

    def read_at(self, offset: int, buffer: memoryview) -> None:
        """Fill the buffer with elements from byte `offset` on, in parts so that scratch stays small."""
        start, count = offset // _WIDTH, len(buffer) // _WIDTH
        while count:
            size = min(self._block - start % self._block, count)
            buffer[: size * _WIDTH] = self._values(start, size).data.cast("B")
            buffer = buffer[size * _WIDTH :]
            start, count = start + size, count - size

    def _values(self, start: int, count: int) -> NDArray[np.float32]:
        distribution, seed, name, deviation = self._generator
        if distribution == "uniform":
            return uniform.uniform_values(seed, name, start, count)
        return normal.normal_values(seed, name, deviation, start, count)
