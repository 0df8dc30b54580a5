"""A source whose bytes are made when they are read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mergec.kernels import kept, normal, uniform

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mergec.ir.program import Generator

_WIDTH = 4
_BLOCKS = {"normal": normal.BLOCK, "uniform": uniform.BLOCK, "kept": kept.BLOCK}


class GeneratedSource:
    """The endless float32 sequence of a generator, as if it lay in a file."""

    def __init__(self, generator: Generator) -> None:
        """Read from this generator."""
        self._generator = generator
        self._block = _BLOCKS[generator.distribution]

    def read_at(self, offset: int, buffer: memoryview) -> None:
        """Fill the buffer with elements from byte `offset` on, in parts so that scratch stays small."""
        start, out = offset // _WIDTH, np.frombuffer(buffer, np.float32)
        while out.size:
            size = min(self._block - start % self._block, out.size)
            out[:size] = self._values(start, size)
            start, out = start + size, out[size:]

    def _values(self, start: int, count: int) -> NDArray[Any]:
        distribution, seed, name, number = self._generator
        if distribution == "uniform":
            return uniform.uniform_values(seed, name, start, count)
        if distribution == "kept":
            return kept.kept_mask(seed, name, number, start, count)
        return normal.normal_values(seed, name, number, start, count)
