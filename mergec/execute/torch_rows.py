"""Rows computed by torch, for who reads arrays of NumPy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from mergec.execute.evaluator import Evaluator
from mergec.execute.tile_computer import one_thread_each

if TYPE_CHECKING:
    from collections.abc import Sequence
    from contextlib import AbstractContextManager

    import numpy as np
    from numpy.typing import NDArray

    from mergec.ir.program import HeldValue, StreamedRows
    from mergec.sources.byte_source import ByteSource

    Array = NDArray[Any]


class TorchRows:
    """A `RowsComputer` of torch; safe to use from several threads."""

    def __init__(self, sources: Sequence[ByteSource], decisions: Sequence[NDArray[np.generic]]) -> None:
        """Read from these files; `decisions` are the vectors of permutations that were made before."""
        self._evaluator = Evaluator(sources, decisions)

    def whole(self, values: Sequence[HeldValue]) -> tuple[torch.Tensor, ...]:
        """The values, one after another."""
        return self._evaluator.whole(values)

    def rows(
        self, value: StreamedRows, start: int, count: int, held: tuple[torch.Tensor, ...], block: Array
    ) -> Array:
        """At most a tile of rows of a value; they lie in the block, of `streaming_bytes`."""
        found = self._evaluator.rows(value, start, count, held, torch.from_numpy(block))
        rows: Array = found.numpy()
        return rows

    def in_threads(self) -> AbstractContextManager[None]:
        """Torch has one thread in each of the caller's."""
        return one_thread_each()
