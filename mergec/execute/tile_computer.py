"""One tile computed: loaded into registers, run through a program, stored."""

from __future__ import annotations

from contextlib import contextmanager
from math import prod
from typing import TYPE_CHECKING

import torch

from mergec.execute.arena import Arena
from mergec.execute.box import box_of, part_of
from mergec.execute.store import in_file_order
from mergec.execute.stored_tile import integers_differ, store
from mergec.ir.strided_view import is_turned
from mergec.kernels.findings import NotIdentical

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mergec.execute.arena import BoundProgram
    from mergec.execute.evaluator import Evaluator
    from mergec.execute.held_values import HeldValues
    from mergec.execute.worker import Sink
    from mergec.ir.plan import Plan, Region
    from mergec.ir.strided_view import Shape, StridedView


class TileComputer:
    """Owns the registers of one worker."""

    def __init__(
        self, plan: Plan, evaluator: Evaluator, sink: Sink, held: HeldValues, not_finite: set[int]
    ) -> None:
        """Reserve the arena that the plan promised.

        `held` is shared with the other workers, and so is `not_finite`: the tensors that were found to
        hold values that are no finite numbers.
        """
        self._plan = plan
        self._evaluator = evaluator
        self._sink = sink
        self._held = held
        self._not_finite = not_finite
        self._arena = Arena(plan.memory.arena_bytes)

    def prepare(self, region: Region) -> None:
        """Make the values that a region holds.

        Raises:
            MergecError: MC0702 where values are not finite, MC02xx from a source.
        """
        self._held.of(region, self._evaluator)

    def compute(self, region: Region, corner: Shape, size: Shape) -> int:
        """Compute the box of a region and hand it to the sink; the bytes that were written.

        Raises:
            MergecError: MC0701 where integers differ, MC0702 where values are not finite, MC02xx from
                a source, MC08xx from the sink.
        """
        bound = self._arena.bound(region.program, size[0] if region.program.by_rows else prod(size))
        box = box_of(region.target, corner, size)
        try:
            held = self._held.of(region, self._evaluator)
            parts = [part_of(region.program, leaf, corner, size) for leaf in region.leaves]
            if not self._evaluator.run(bound, region.leaves, parts, held):
                self._not_finite.add(region.tensor)
        except NotIdentical as difference:
            raise integers_differ(self._plan, region.tensor, box, difference.element) from None
        written = self._store(box, bound)
        self._held.done(region)
        return written

    def _store(self, box: StridedView, bound: BoundProgram) -> int:
        data = bound.result_bytes
        if is_turned(box):
            box, data = in_file_order(box, bound.result, bound.staging)
        return store(box, data, self._sink)


@contextmanager
def one_thread_each() -> Iterator[None]:
    """Torch without threads of its own: the workers are the parallelism, and sums keep their order."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
