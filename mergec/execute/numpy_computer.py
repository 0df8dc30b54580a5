"""One tile computed without torch: of weighted sums and differences of what files hold."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from mergec.execute.box import box_of
from mergec.execute.load_box import load_box
from mergec.execute.stored_tile import integers_differ, store
from mergec.ir.dtype import DType
from mergec.ir.program import REGISTER_ALIGNMENT
from mergec.kernels import pairs
from mergec.kernels.findings import NotIdentical
from mergec.kernels.without_torch import KERNELS, register_dtype

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from mergec.execute.worker import Sink
    from mergec.ir.plan import Plan, Region
    from mergec.ir.program import Instruction, Program
    from mergec.ir.strided_view import Shape, StridedView
    from mergec.sources.byte_source import ByteSource

    Array = NDArray[Any]


_IN_PAIRS = {**KERNELS, "cast": pairs.cast}


class _Bound(NamedTuple):
    """A program's registers in place, for tiles of one size, the bytes of each, and its kernels."""

    program: Program
    registers: tuple[Array, ...]
    views: tuple[memoryview, ...]
    kernels: Mapping[str, Callable[..., bool | None]]


class NumpyComputer:
    """Owns the registers of one worker, for regions that `needs_torch` says no of."""

    def __init__(self, plan: Plan, sources: Sequence[ByteSource], sink: Sink, not_finite: set[int]) -> None:
        """Reserve the arena that the plan promised. `not_finite` is shared with the other workers."""
        self._plan = plan
        self._sources = sources
        self._sink = sink
        self._not_finite = not_finite
        self._block = np.empty(plan.memory.arena_bytes, np.uint8)
        self._known: dict[tuple[int, int], _Bound] = {}

    def prepare(self, region: Region) -> None:
        """Make the values that a region holds: there are none."""

    def compute(self, region: Region, corner: Shape, size: Shape) -> int:
        """Compute the box of a region and hand it to the sink; the bytes that were written.

        Raises:
            MergecError: MC0701 where integers differ, MC02xx from a source, MC08xx from the sink.
        """
        bound = self._bound(region.program, prod(size))
        box = box_of(region.target, corner, size)
        parts = [box_of(leaf.view, corner, size) for leaf in region.leaves]
        try:
            with np.errstate(all="ignore"):  # what is not finite is found in the result
                if not self._run(bound, parts):
                    self._not_finite.add(region.tensor)
        except NotIdentical as difference:
            raise integers_differ(self._plan, region.tensor, box, difference.element) from None
        return store(box, bound.views[region.program.result], self._sink)

    def _run(self, bound: _Bound, parts: Sequence[StridedView]) -> bool:
        """Carry out the program; whether its result is finite."""
        is_finite = True
        for step in bound.program.instructions:
            if step.kernel == "load":
                part = parts[_leaf_number(step)]
                load_box(self._sources[part.file], part, bound.views[step.target])
            else:
                operands = [bound.registers[number] for number in step.sources]
                found = bound.kernels[step.kernel](bound.registers[step.target], operands, *step.attributes)
                is_finite &= found is not False
        return is_finite

    def _bound(self, program: Program, count: int) -> _Bound:
        key = (id(program), count)
        if key not in self._known:
            self._known[key] = _bind(program, count, self._block)
        return self._known[key]


def _bind(program: Program, count: int, block: Array) -> _Bound:
    """The program with its registers one after another in a block of bytes."""
    registers, offset = [], 0
    for register in program.registers:
        part = block[offset : offset + count * register.row_bytes]
        registers.append(part.view(register_dtype(register.dtype)))
        offset += -(-len(part) // REGISTER_ALIGNMENT) * REGISTER_ALIGNMENT
    kernels = _IN_PAIRS if count % 2 == 0 and _is_of_bfloat16(program) else KERNELS
    return _Bound(program, tuple(registers), tuple(one.data.cast("B") for one in registers), kernels)


def _is_of_bfloat16(program: Program) -> bool:
    """Whether all that is loaded and stored is bfloat16, and all else float32."""
    stored = {program.result, *(step.target for step in program.instructions if step.kernel == "load")}
    dtypes = {program.registers[number].dtype for number in stored}
    return dtypes == {DType.BF16} and all(one.dtype in {DType.BF16, DType.F32} for one in program.registers)


def _leaf_number(step: Instruction) -> int:
    number = step.attributes[0]
    assert isinstance(number, int)
    return number
