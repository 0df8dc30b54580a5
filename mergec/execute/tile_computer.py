"""One tile computed: loaded into registers, run through a program, stored."""

from __future__ import annotations

from contextlib import contextmanager
from math import prod
from typing import TYPE_CHECKING

import torch

from mergec.diagnostics import MergecError
from mergec.execute.arena import Arena, Step
from mergec.execute.box import box_of, runs
from mergec.execute.errors import IntegersDiffer
from mergec.execute.generated_source import GeneratedSource
from mergec.execute.load import Readable, load_box, load_turned
from mergec.kernels.elementwise import NotIdentical

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mergec.execute.worker import Sink
    from mergec.ir.plan import LoadedLeaf, Plan, Region
    from mergec.ir.strided_view import Shape, StridedView
    from mergec.sources.byte_source import ByteSource


class TileComputer:
    """Owns the registers of one worker."""

    def __init__(self, plan: Plan, sources: Sequence[ByteSource], sink: Sink) -> None:
        """Reserve the arena that the plan promised."""
        self._plan = plan
        self._sources = sources
        self._sink = sink
        self._arena = Arena(plan.memory.worker_bytes)

    def compute(self, region: Region, corner: Shape, size: Shape) -> int:
        """Compute the box of a region and hand it to the sink; the bytes that were written.

        Raises:
            MergecError: MC0701 where integers differ, MC02xx from a source, MC08xx from the sink.
        """
        bound = self._arena.bound(region.program, prod(size))
        for step in bound.steps:
            if step.kernel is None:
                self._load(region, step, (corner, size), bound.staging)
                continue
            try:
                step.kernel(step.out, step.sources, *step.attributes)
            except NotIdentical as difference:
                at = box_of(region.target, corner, size), difference.element
                raise self._integers_differ(region.tensor, *at) from None
        position = 0
        for offset, nbytes in runs(box_of(region.target, corner, size)):
            self._sink.write_at(region.target.file, offset, bound.result[position : position + nbytes])
            position += nbytes
        return position

    def _load(self, region: Region, step: Step, box: tuple[Shape, Shape], staging: memoryview) -> None:
        leaf = region.leaves[int(step.attributes[0])]  # type: ignore[call-overload]
        view = box_of(leaf.view, *box)
        source = self._source(leaf)
        if leaf.is_turned:
            load_turned(source, view, step.out, staging)
        else:
            load_box(source, view, step.out_bytes)

    def _source(self, leaf: LoadedLeaf) -> Readable:
        if leaf.generator is not None:
            return GeneratedSource(leaf.generator)
        return self._sources[leaf.view.file]

    def _integers_differ(self, tensor: int, tile: StridedView, element: int) -> MergecError:
        """The diagnostic for an element of a tile, counted as an element of the tensor that is written."""
        place = self._plan.layout.tensors[tensor]
        offset = tile.offset
        for size, stride in zip(reversed(tile.shape), reversed(tile.strides), strict=True):
            element, index = divmod(element, size)
            offset += index * stride * tile.dtype.itemsize
        number = (offset - place.offset) // tile.dtype.itemsize
        return MergecError([IntegersDiffer(tensor=place.name, element=number)])


@contextmanager
def one_thread_each() -> Iterator[None]:
    """Torch without threads of its own: the workers are the parallelism, and sums keep their order."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
