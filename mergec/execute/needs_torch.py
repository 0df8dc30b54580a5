"""Whether a plan's arithmetic needs torch, whose loading takes longer than most builds without it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mergec.ir.dtype import DType
from mergec.ir.strided_view import is_turned

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mergec.ir.plan import Region
    from mergec.ir.program import HeldValue, LoadedLeaf, Program, StreamedRows

ARITHMETIC = {"scale", "add", "subtract", "multiply", "divide"}
OTHERS = {"cast", "identical", "settle_nans"}
MOVING = {"gather", "axis_index"}
# NumPy rounds to bfloat16 in five times torch's time: by so many elements that is what loading torch takes.
_MOST_ROUNDED = 3 << 29
# NumPy converts float16 twenty times slower than torch, and cannot compute in bfloat16.
_FLOATS = {DType.BF16, DType.F32, DType.F64}
_WIDTHS = {1, 2, 4, 8}


def needs_torch(regions: Iterable[Region]) -> bool:
    """Whether some region is more than a weighted sum or difference of what files hold, or all are too much.

    What files hold may be put into another order first. Both leave the same bytes.
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
        and all(map(_is_index, region.held))
    )


def _is_index(value: HeldValue) -> bool:
    """Whether a held value is an index that was decided, or a tensor as it lies in its file."""
    return _is_known(value.program) and all(
        leaf.picked is None and (_is_of_file(leaf) or leaf.decision is not None) for leaf in value.leaves
    )


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
        and all(step.kernel in {"load", *ARITHMETIC, *OTHERS, *MOVING} for step in program.instructions)
        and not any(
            step.kernel in ARITHMETIC and program.registers[step.target].dtype is DType.BF16
            for step in program.instructions
        )
    )


def _computes(program: Program) -> bool:
    """Whether bits are looked at."""
    return any(step.kernel not in {"load", *MOVING} for step in program.instructions)


def _is_of_file(leaf: LoadedLeaf) -> bool:
    """Whether a leaf is read as it lies in its file, or in rows that are picked there."""
    made = leaf.generator, leaf.reduction, leaf.decision
    return not (leaf.is_turned or leaf.is_held) and all(one is None for one in made)


def _is_of_held(leaf: LoadedLeaf) -> bool:
    return leaf.is_held and leaf.generator is None and leaf.reduction is None
