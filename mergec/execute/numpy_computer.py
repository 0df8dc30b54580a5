"""One tile computed without torch: of what `needs_torch` says no of."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from mergec.execute.box import box_of, part_of
from mergec.execute.numpy_evaluator import bind
from mergec.execute.stored_tile import integers_differ, store
from mergec.kernels.findings import NotIdentical

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mergec.execute.held_values import HeldValues
    from mergec.execute.numpy_evaluator import Bound, NumpyEvaluator
    from mergec.execute.worker import Sink
    from mergec.ir.plan import Plan, Region
    from mergec.ir.program import Program
    from mergec.ir.strided_view import Shape

    Array = NDArray[Any]


class NumpyComputer:
    """Owns the registers of one worker."""

    def __init__(
        self, plan: Plan, evaluator: NumpyEvaluator, sink: Sink, held: HeldValues, not_finite: set[int]
    ) -> None:
        """Reserve the arena that the plan promised. `held` and `not_finite` are shared by all workers."""
        self._plan = plan
        self._evaluator = evaluator
        self._sink = sink
        self._held = held
        self._not_finite = not_finite
        self._block = np.empty(plan.memory.arena_bytes, np.uint8)
        self._known: dict[tuple[int, int], Bound] = {}

    def prepare(self, region: Region) -> None:
        """Make the values that a region holds.

        Raises:
            MergecError: MC0706 where a plugin's function fails, MC02xx from a source.
        """
        self._held.of(region, self._evaluator)

    def compute(self, region: Region, corner: Shape, size: Shape) -> int:
        """Compute the box of a region and hand it to the sink; the bytes that were written.

        Raises:
            MergecError: MC0701 where integers differ, MC02xx from a source, MC08xx from the sink.
        """
        program = region.program
        bound = self._bound(program, size[0] if program.by_rows else prod(size))
        box = box_of(region.target, corner, size)
        held = self._held.of(region, self._evaluator)
        parts = [part_of(program, leaf, corner, size) for leaf in region.leaves]
        try:
            if not self._evaluator.run(bound, region.leaves, parts, held):
                self._not_finite.add(region.tensor)
        except NotIdentical as difference:
            raise integers_differ(self._plan, region.tensor, box, difference.element) from None
        written = store(box, bound.views[program.result], self._sink)
        self._held.done(region)
        return written

    def _bound(self, program: Program, rows: int) -> Bound:
        key = (id(program), rows)
        if key not in self._known:
            self._known[key] = bind(program, rows, self._block)
        return self._known[key]
