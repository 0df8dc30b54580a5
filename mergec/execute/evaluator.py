"""Programs run over registers: tiles, values that are held whole, and reductions over streamed rows."""

from __future__ import annotations

from functools import partial
from math import prod
from typing import TYPE_CHECKING

import torch

from mergec.diagnostics import MergecError
from mergec.execute.arena import bind
from mergec.execute.box import boxes, part_of, rows_of
from mergec.execute.errors import NotFiniteValues
from mergec.execute.generated_source import GeneratedSource
from mergec.execute.load_box import Readable, load_box
from mergec.execute.load_turned import load_turned
from mergec.execute.pick import part_of_held, pick
from mergec.ir.held_bytes import fixed_bytes, stream_bytes
from mergec.kernels.findings import NotFinite
from mergec.kernels.reductions import REDUCTIONS
from mergec.kernels.torch_dtypes import register_dtype

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from mergec.execute.arena import BoundProgram, Step
    from mergec.ir.program import HeldValue, LoadedLeaf, Program, Reduction, Stream, StreamedRows
    from mergec.ir.strided_view import StridedView
    from mergec.kernels.reductions import Reduction as ReductionUnderWay
    from mergec.sources.byte_source import ByteSource

    Values = tuple[torch.Tensor, ...]
    Each = Callable[[Callable[[Stream], torch.Tensor], Sequence[Stream]], Iterable[torch.Tensor]]


class Evaluator:
    """Loads leaves from the sources and runs kernels; safe to use from several threads."""

    def __init__(self, sources: Sequence[ByteSource], decisions: Sequence[NDArray[np.generic]] = ()) -> None:
        """Read from these files; `decisions` are the vectors of permutations that were made before."""
        self._sources = sources
        self._decisions = decisions

    def run(
        self,
        bound: BoundProgram,
        leaves: Sequence[LoadedLeaf],
        parts: Sequence[StridedView],
        held: Values = (),
    ) -> bool:
        """Run a program; `parts` are what is wanted of each of its leaves. Whether its result is finite.

        Raises:
            MergecError: MC0702 where values are not finite, MC02xx from a source.
            NotIdentical: where operands differ that must not.
        """
        is_finite = True
        try:
            for step in bound.steps:
                if step.kernel is not None:
                    operands = step.sources
                    if step.held:
                        operands += tuple(held[number] for number in step.held)
                    is_finite &= step.kernel(step.out, operands, *step.attributes) is not False
                else:
                    number = _leaf_number(step)
                    self._load(leaves[number], parts[number], step, bound.staging, held)
        except NotFinite as found:
            raise _not_finite(leaves, found.leaf) from None
        return is_finite

    def whole(self, values: Sequence[HeldValue]) -> Values:
        """The values, one after another."""
        return tuple(self._whole(value) for value in values)

    def _whole(self, value: HeldValue) -> torch.Tensor:
        program = value.program
        turned = max((leaf.view.nbytes for leaf in value.leaves if leaf.is_turned), default=0)
        bound = bind(program, 1, _block(program, 1, turned))
        self.run(bound, value.leaves, [leaf.view for leaf in value.leaves])
        if len(program.registers) == 1:
            return bound.result  # there is nothing else in the block that could be given back
        register = program.registers[program.result]
        return torch.empty(register.row, dtype=register_dtype(register.dtype)).copy_(bound.result)

    def _load(
        self, leaf: LoadedLeaf, box: StridedView, step: Step, staging: memoryview, held: Values
    ) -> None:
        if leaf.reduction is not None:
            step.out.copy_(self.reduce(leaf.reduction))
        elif leaf.decision is not None:
            step.out.copy_(torch.from_numpy(self._decisions[leaf.decision]))
        elif leaf.picked is not None:
            pick(leaf, leaf.picked, box, self._sources, held, step)
        elif leaf.is_held:
            step.out.view(box.shape).copy_(part_of_held(box, held))
        elif leaf.is_turned:
            load_turned(self._source(leaf), box, step.out, staging)
        else:
            load_box(self._source(leaf), box, step.out_bytes)

    def _source(self, leaf: LoadedLeaf) -> Readable:
        if leaf.generator is not None:
            return GeneratedSource(leaf.generator)
        return self._sources[leaf.view.file]

    def reduce(self, one: Reduction, each: Each = map) -> torch.Tensor:
        """The value of a reduction. `each` is `map`, or does its work in several threads."""
        reduction = REDUCTIONS[one.kernel](one.attributes, one.streams[0].shape)
        while True:
            found = reduction.end_pass(each(partial(self._state, reduction), one.streams))
            if found is not None:
                return found

    def _state(self, reduction: ReductionUnderWay, stream: Stream) -> torch.Tensor:
        """What a stream adds to a reduction, in this pass."""
        program = stream.program
        state = reduction.begin()
        held = self.whole(stream.held)
        block = torch.empty(stream_bytes(stream), dtype=torch.uint8)
        known: dict[int, BoundProgram] = {}
        for corner, size in boxes(stream.shape, stream.tile):
            rows = size[0] if program.by_rows else prod(size)
            bound = known.get(rows) or known.setdefault(rows, bind(program, rows, block))
            parts = [part_of(program, leaf, corner, size) for leaf in stream.leaves]
            self.run(bound, stream.leaves, parts, held)
            reduction.take_in(state, bound.results)
        return state

    def rows(
        self, value: StreamedRows, start: int, count: int, held: Values, block: torch.Tensor
    ) -> torch.Tensor:
        """At most a tile of rows of a value; they lie in the block, of `streaming_bytes`."""
        bound = bind(value.program, count, block)
        self.run(bound, value.leaves, [rows_of(leaf.view, start, count) for leaf in value.leaves], held)
        return bound.result


def _block(program: Program, rows: int, staging: int) -> torch.Tensor:
    return torch.empty(rows * program.row_bytes + fixed_bytes(program) + staging, dtype=torch.uint8)


def _leaf_number(step: Step) -> int:
    number = step.attributes[0]
    assert isinstance(number, int)
    return number


def _not_finite(leaves: Sequence[LoadedLeaf], number: int) -> MergecError:
    """The diagnostic for a leaf that must be finite, by its place; its name is looked up later."""
    if number < 0:
        return MergecError([NotFiniteValues()])
    view = leaves[number].view
    return MergecError([NotFiniteValues(file=view.file, offset=view.offset)])
