"""Programs run over registers of NumPy: those that `needs_torch` says no of."""

from __future__ import annotations

from contextlib import nullcontext
from functools import partial
from math import prod
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.lib.stride_tricks import as_strided

from mergec.execute.box import box_of, boxes, rows_of
from mergec.execute.load_box import load_box
from mergec.execute.picked_rows import load_rows
from mergec.ir.dtype import DType
from mergec.ir.held_bytes import fixed_bytes, stream_bytes
from mergec.ir.program import REGISTER_ALIGNMENT
from mergec.kernels import moved, pairs, without_torch
from mergec.kernels.gram import Gram

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from contextlib import AbstractContextManager

    from numpy.typing import NDArray

    from mergec.ir.program import (
        HeldValue,
        Instruction,
        LoadedLeaf,
        Program,
        Reduction,
        Stream,
        StreamedRows,
    )
    from mergec.ir.strided_view import StridedView
    from mergec.sources.byte_source import ByteSource

    Array = NDArray[Any]
    Values = tuple[Array, ...]

_KERNELS: dict[str, Callable[..., bool | None]] = without_torch.KERNELS | moved.KERNELS
_IN_PAIRS = {**_KERNELS, "cast": pairs.cast}
_REDUCTIONS: dict[str, Callable[..., Gram]] = {"gram": Gram}
_SHAPED = {*moved.KERNELS, "scalars"}


class Bound(NamedTuple):
    """A program's registers in place, for tiles of one size, and its kernels.

    Of each register all elements in a row, their bytes, and the elements in their shape, which matters only
    to kernels that move them, or take matrices.
    """

    program: Program
    registers: tuple[Array, ...]
    views: tuple[memoryview, ...]
    shaped: tuple[Array, ...]
    kernels: Mapping[str, Callable[..., bool | None]]

    def operands(self, step: Instruction) -> tuple[Array, list[Array]]:
        """The target and the sources of an instruction."""
        registers = self.shaped if step.kernel in _SHAPED else self.registers
        return registers[step.target], [registers[number] for number in step.sources]


class NumpyEvaluator:
    """Loads leaves from the sources and runs kernels; safe to use from several threads."""

    def __init__(self, sources: Sequence[ByteSource], decisions: Sequence[Array] = ()) -> None:
        """Read from these files; `decisions` are the vectors of permutations that were made before."""
        self._sources = sources
        self._decisions = decisions

    def run(
        self, bound: Bound, leaves: Sequence[LoadedLeaf], parts: Sequence[StridedView], held: Values = ()
    ) -> bool:
        """Run a program; `parts` are what is wanted of each of its leaves. Whether its result is finite.

        Raises:
            MergecError: MC0706 where a plugin's function fails, MC02xx from a source.
            NotIdentical: where operands differ that must not.
        """
        is_finite = True
        with np.errstate(all="ignore"):  # what is not finite is found in the result
            for step in bound.program.instructions:
                if step.kernel == "load":
                    number = _leaf_number(step)
                    self._load(leaves[number], parts[number], bound, step.target, held)
                else:
                    out, operands = bound.operands(step)
                    operands += (held[number] for number in step.held)
                    is_finite &= bound.kernels[step.kernel](out, operands, *step.attributes) is not False
        return is_finite

    def whole(self, values: Sequence[HeldValue]) -> Values:
        """The values, one after another."""
        return tuple(self._whole(value) for value in values)

    def _whole(self, value: HeldValue) -> Array:
        program = value.program
        bound = bind(program, 1, np.empty(fixed_bytes(program), np.uint8))
        self.run(bound, value.leaves, [leaf.view for leaf in value.leaves])
        found = bound.shaped[program.result]
        return found if len(program.registers) == 1 else found.copy()  # the rest of the block is given back

    def rows(self, value: StreamedRows, start: int, count: int, held: Values, block: Array) -> Array:
        """At most a tile of rows of a value; they lie in the block, of `streaming_bytes`."""
        bound = bind(value.program, count, block)
        self.run(bound, value.leaves, [rows_of(leaf.view, start, count) for leaf in value.leaves], held)
        return bound.shaped[value.program.result]

    def in_threads(self) -> AbstractContextManager[None]:
        """As `RowsComputer` has it: none of what runs here has threads."""
        return nullcontext()

    def _load(self, leaf: LoadedLeaf, box: StridedView, bound: Bound, target: int, held: Values) -> None:
        if leaf.reduction is not None:
            np.copyto(bound.shaped[target], self._reduced(leaf.reduction))
        elif leaf.decision is not None:
            np.copyto(bound.shaped[target], self._decisions[leaf.decision])
        elif leaf.picked is not None:
            if not box.elements:
                return
            row_bytes = box.strides[0] * box.dtype.itemsize
            first = box.offset // row_bytes
            numbers = held[leaf.picked.numbers][first : first + box.shape[0]]
            if leaf.is_held:
                value = _part_of_held(leaf.picked.parts[0], held)
                moved.gather(bound.registers[target].reshape(box.shape), (value, numbers), 0)
            else:
                load_rows(numbers.tolist(), leaf.picked.parts, row_bytes, self._sources, bound.views[target])
        elif leaf.is_held:
            np.copyto(bound.registers[target].reshape(box.shape), _part_of_held(box, held))
        else:
            load_box(self._sources[box.file], box, bound.views[target])

    def _reduced(self, one: Reduction) -> Array:
        reduction = _REDUCTIONS[one.kernel](*one.attributes)
        return reduction.end_pass(map(partial(self._state, reduction), one.streams))

    def _state(self, reduction: Gram, stream: Stream) -> Array:
        """What a stream adds to a reduction."""
        program = stream.program
        state = reduction.begin()
        block = np.empty(stream_bytes(stream), np.uint8)
        known: dict[int, Bound] = {}
        for corner, size in boxes(stream.shape, stream.tile):
            count = prod(size)
            bound = known.get(count) or known.setdefault(count, bind(program, count, block))
            self.run(bound, stream.leaves, [box_of(leaf.view, corner, size) for leaf in stream.leaves])
            reduction.take_in(state, [bound.registers[number] for number in program.results])
        return state


def bind(program: Program, count: int, block: Array) -> Bound:
    """The program with its registers one after another in a block of bytes, for `count` rows."""
    registers: list[Array] = []
    shaped: list[Array] = []
    offset = 0
    for register in program.registers:
        rows = 1 if register.is_single else count
        part = block[offset : offset + rows * register.row_bytes]
        registers.append(part.view(without_torch.register_dtype(register.dtype)))
        is_whole = register.is_single and not program.by_rows
        shaped.append(registers[-1].reshape(register.row if is_whole else (rows, *register.row)))
        offset += -(-len(part) // REGISTER_ALIGNMENT) * REGISTER_ALIGNMENT
    kernels = _IN_PAIRS if _goes_in_pairs(program, registers) else _KERNELS
    views = tuple(one.data.cast("B") for one in registers)
    return Bound(program, tuple(registers), views, tuple(shaped), kernels)


def _goes_in_pairs(program: Program, registers: Sequence[Array]) -> bool:
    """Whether all that is loaded, moved and stored is an even number of bfloat16, and all else float32.

    What a reduction adds up stays in its order.
    """
    kept = (step.target for step in program.instructions if step.kernel in {"load", *moved.KERNELS})
    dtypes = {program.registers[number].dtype for number in (program.result, *kept)}
    return (
        dtypes == {DType.BF16}
        and not program.results
        and all(one.dtype in {DType.BF16, DType.F32} for one in program.registers)
        and all(register.size % 2 == 0 for register in registers)
    )


def _part_of_held(view: StridedView, held: Values) -> Array:
    """The part of a held value that a view, whose `file` is its number, shows."""
    value = held[view.file].reshape(-1)[view.offset // view.dtype.itemsize :]
    return as_strided(value, view.shape, [stride * value.itemsize for stride in view.strides])


def _leaf_number(step: Instruction) -> int:
    number = step.attributes[0]
    assert isinstance(number, int)
    return number
