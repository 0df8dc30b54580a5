"""Whether a plan's arithmetic needs torch, whose loading takes longer than most builds without it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mergec.ir.dtype import DType
from mergec.ir.strided_view import is_turned

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mergec.ir.plan import Region
    from mergec.ir.program import HeldValue, Instruction, LoadedLeaf, Program, Stream, StreamedRows

ARITHMETIC = {"scale", "add", "subtract", "multiply", "divide"}
OTHERS = {"cast", "identical", "settle_nans"}
MOVING = {"gather", "axis_index"}
# What `with_scalar` does with a number that is found when the build runs.
WITH_SCALAR = {"add", "multiply", "divide"}
# What such numbers are made by, and of.
NUMBERS = {"scalars"}
REDUCTIONS = {"gram"}
# NumPy rounds to bfloat16 in five times torch's time: by so many elements that is what loading torch takes.
_MOST_ROUNDED = 3 << 29
# NumPy converts float16 twenty times slower than torch, and cannot compute in bfloat16.
_FLOATS = {DType.BF16, DType.F32, DType.F64}
_WIDTHS = {1, 2, 4, 8}


def needs_torch(regions: Iterable[Region]) -> bool:
    """Whether some region is more than sums and products of what files hold, or all are too much.

    What files hold may be put into another order first, and factors made of dot products. Both leave the
    same bytes.
    """
    rounded = 0
    for region in regions:
        if region.is_copy:
            continue
        if not _is_plain(region):
            return True
        if region.target.dtype is DType.BF16 and _computes(region.program):
            rounded += region.target.elements
    return rounded > _MOST_ROUNDED


def rows_need_torch(rows: StreamedRows) -> bool:
    """Whether rows of a value are more than a sum of what files hold, or a part of it."""
    return not (
        _is_known(rows.program)
        and all(_is_of_file(leaf) for leaf in rows.leaves)
        and all(map(_is_index, rows.held))
    )


def _is_plain(region: Region) -> bool:
    return (
        not is_turned(region.target)
        and _is_known(region.program)
        and all(_is_of_file(leaf) or _is_of_held(leaf) for leaf in region.leaves)
        and all(_is_index(value) or _is_of_numbers(value) for value in region.held)
    )


def _is_index(value: HeldValue) -> bool:
    """Whether a held value is an index that was decided, or a tensor as it lies in its file."""
    return _is_known(value.program) and all(
        leaf.picked is None and (_is_of_file(leaf) or leaf.decision is not None) for leaf in value.leaves
    )


def _is_of_numbers(value: HeldValue) -> bool:
    """Whether a held value is made of nothing but reductions."""
    return all(step.kernel in {"load", *NUMBERS} for step in value.program.instructions) and all(
        leaf.reduction is not None
        and leaf.reduction.kernel in REDUCTIONS
        and all(map(_streams_by, leaf.reduction.streams))
        for leaf in value.leaves
    )


def _streams_by(stream: Stream) -> bool:
    """Whether a stream is of elements in their order."""
    is_flat = not (stream.held or stream.program.by_rows)
    return is_flat and _is_known(stream.program) and all(map(_is_of_file, stream.leaves))


def _is_known(program: Program) -> bool:
    """Whether a program has kernels and dtypes in NumPy, and one row for each of a tile's."""
    if program.by_rows and any(register.is_single for register in program.registers):
        return False
    if not _computes(program):
        return all(register.dtype.itemsize in _WIDTHS for register in program.registers)
    floats = {register.dtype for register in program.registers if register.dtype.is_float}
    # Bfloat16 goes to and from float32 only: from float64 it would be rounded twice.
    return (
        floats <= _FLOATS
        and not floats >= {DType.BF16, DType.F64}
        and all(_has_kernel(step, program) for step in program.instructions)
    )


def _has_kernel(step: Instruction, program: Program) -> bool:
    if step.kernel in {"load", *OTHERS, *MOVING}:
        return True
    computes = step.kernel in ARITHMETIC
    computes = computes or (step.kernel == "with_scalar" and step.attributes[0] in WITH_SCALAR)
    return computes and program.registers[step.target].dtype is not DType.BF16


def _computes(program: Program) -> bool:
    """Whether bits are looked at."""
    return any(step.kernel not in {"load", *MOVING} for step in program.instructions)


def _is_of_file(leaf: LoadedLeaf) -> bool:
    """Whether a leaf is read as it lies in its file, or in rows that are picked there."""
    made = leaf.generator, leaf.reduction, leaf.decision
    return not (leaf.is_turned or leaf.is_held) and all(one is None for one in made)


def _is_of_held(leaf: LoadedLeaf) -> bool:
    return leaf.is_held and leaf.generator is None and leaf.reduction is None
