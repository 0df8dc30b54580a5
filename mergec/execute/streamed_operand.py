"""Tensors to compare, as the matcher reads them: rows, computed by NumPy or by torch."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from mergec.diagnostics.held_signals import signals_held
from mergec.execute.needs_torch import rows_need_torch
from mergec.ir.dtype import DType
from mergec.ir.held_bytes import streaming_bytes

if TYPE_CHECKING:
    from collections.abc import Sequence
    from contextlib import AbstractContextManager

    from numpy.typing import NDArray

    from mergec.ir.plan import MatchTask
    from mergec.ir.program import HeldValue, StreamedRows
    from mergec.ir.strided_view import Shape
    from mergec.sources.byte_source import ByteSource

    Array = NDArray[Any]

_DTYPES = {DType.F32: np.float32, DType.F64: np.float64}


class RowsComputer(Protocol):
    """An evaluator of rows."""

    def whole(self, values: Sequence[HeldValue]) -> tuple[Any, ...]:
        """The values, one after another."""

    def rows(self, value: StreamedRows, start: int, count: int, held: tuple[Any, ...], block: Array) -> Array:
        """At most a tile of rows of a value; they lie in the block, of `streaming_bytes`."""

    def in_threads(self) -> AbstractContextManager[None]:
        """For as long as several threads ask for rows: the library then has no threads of its own."""


def rows_computer(
    task: MatchTask, sources: Sequence[ByteSource], decisions: Sequence[NDArray[np.generic]]
) -> RowsComputer:
    """What computes the rows of a match: torch, where they need it or it is loaded for their products."""
    from mergec.symmetries.matching.times import repays_torch

    every = [rows for model in task.operands for rows in model]
    with signals_held():
        if repays_torch(task.matching.symmetry) or any(map(rows_need_torch, every)):
            from mergec.execute.torch_rows import TorchRows

            return TorchRows(sources, decisions)
        from mergec.execute.numpy_evaluator import NumpyEvaluator

        return NumpyEvaluator(sources, decisions)


class StreamedOperand:
    """A tensor to compare, computed as often as its rows are asked for, or once if it is kept."""

    def __init__(self, value: StreamedRows, computer: RowsComputer, *, is_kept: bool = False) -> None:
        """What the rows need whole is made when the first of them are asked for, and kept."""
        self._value = value
        self._computer = computer
        self._lock, self._keeping = threading.Lock(), threading.Lock()
        self._held: tuple[Any, ...] | None = None
        self._is_kept = is_kept
        self._kept: Array | None = None

    @property
    def shape(self) -> Shape:
        """The sizes of the axes."""
        return self._value.shape

    def rows(self, start: int, stop: int) -> Array:
        """The rows start <= number < stop, in float32 or float64; not to be written to."""
        whole = self.in_memory()
        return self._computed(start, stop) if whole is None else whole[start:stop]

    def in_memory(self) -> Array | None:
        """All rows of what is kept."""
        if not self._is_kept:
            return None
        with self._keeping:
            if self._kept is None:
                self._kept = self._computed(0, self._value.shape[0])
            return self._kept

    def _computed(self, start: int, stop: int) -> Array:
        value = self._value
        program = value.program
        held = self._needed_whole()
        made = np.empty((stop - start, *value.shape[1:]), _DTYPES[program.registers[program.result].dtype])
        if len(program.registers) == 1 and not value.turned_bytes:  # the rows are all that is held of them
            self._computer.rows(value, start, stop - start, held, made.reshape(-1).view(np.uint8))
            return made
        block = np.empty(streaming_bytes(value), np.uint8)
        at = start - start % program.block  # kernels that take blocks of rows count them from the first
        while at < stop:
            count = min(value.tile, value.shape[0] - at)
            rows = self._computer.rows(value, at, count, held, block)
            first, last = max(start, at), min(stop, at + count)
            made[first - start : last - start] = rows[first - at : last - at]
            at += count
        return made

    def _needed_whole(self) -> tuple[Any, ...]:
        with self._lock:
            if self._held is None:
                self._held = self._computer.whole(self._value.held)
            return self._held
