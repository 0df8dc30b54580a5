"""A source whose bytes are made when they are read."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mergec.kernels import normal, uniform
from mergec.kernels.kept import keep

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mergec.ir.program import Generator

_WIDTH = 4
_BLOCKS = {"normal": normal.BLOCK, "uniform": uniform.BLOCK}


class GeneratedSource:
    """The endless float32 sequence of a generator, as if it lay in a file."""

    def __init__(self, generator: Generator) -> None:
        """Read from this generator."""
        self._generator = generator

    def read_at(self, offset: int, buffer: memoryview) -> None:
        """Fill the buffer with elements from byte `offset` on, in parts so that scratch stays small."""
        start, out = offset // _WIDTH, np.frombuffer(buffer, np.float32)
        distribution, seed, name, number = self._generator
        if distribution == "kept":
            keep(out, seed, name, number, start)
            return
        block = _BLOCKS[distribution]
        while out.size:
            size = min(block - start % block, out.size)
            out[:size] = self._values(start, size)
            start, out = start + size, out[size:]

    def _values(self, start: int, count: int) -> NDArray[np.float32]:
        distribution, seed, name, number = self._generator
        if distribution == "uniform":
            return uniform.uniform_values(seed, name, start, count)
        return normal.normal_values(seed, name, number, start, count)
