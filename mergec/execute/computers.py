"""What computes the tiles of a plan: torch, or NumPy where that is enough."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Protocol

from mergec.diagnostics.held_signals import signals_held
from mergec.execute.needs_torch import needs_torch

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from mergec.execute.held_values import HeldValues
    from mergec.execute.worker import Sink
    from mergec.ir.plan import Plan, Region
    from mergec.ir.strided_view import Shape
    from mergec.sources.byte_source import ByteSource


class Computer(Protocol):
    """Computes tiles, one at a time, in memory of its own."""

    def prepare(self, region: Region) -> None:
        """Make the values that a region holds."""

    def compute(self, region: Region, corner: Shape, size: Shape) -> int:
        """Compute the box of a region and hand it to the sink; the bytes that were written."""


class Computers:
    """Makes the computer of each worker; `not_finite` and what regions hold is shared by all of them."""

    def __init__(
        self, plan: Plan, sources: Sequence[ByteSource], sink: Sink, decisions: Sequence[NDArray[np.generic]]
    ) -> None:
        """Prepare for the regions of this plan."""
        self._plan = plan
        self._sources = sources
        self._sink = sink
        self._decisions = decisions
        self.use_torch = needs_torch(plan.regions)
        self.not_finite: set[int] = set()

    @cached_property
    def _held(self) -> HeldValues:
        from mergec.execute.held_values import HeldValues

        return HeldValues(self._plan)

    def make(self) -> Computer:
        """A computer. The library is loaded here: torch's takes most of a second."""
        with signals_held():
            if not self.use_torch:
                from mergec.execute.numpy_computer import NumpyComputer
                from mergec.execute.numpy_evaluator import NumpyEvaluator

                numpy = NumpyEvaluator(self._sources, self._decisions)
                return NumpyComputer(self._plan, numpy, self._sink, self._held, self.not_finite)
            from mergec.execute.evaluator import Evaluator
            from mergec.execute.tile_computer import TileComputer

        evaluator = Evaluator(self._sources, self._decisions)
        return TileComputer(self._plan, evaluator, self._sink, self._held, self.not_finite)
