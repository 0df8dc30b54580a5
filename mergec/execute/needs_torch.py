"""Whether a plan's arithmetic needs torch, whose loading takes longer than most builds without it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mergec.ir.dtype import DType
from mergec.ir.strided_view import is_turned

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mergec.ir.plan import Region
    from mergec.ir.program import Instruction, LoadedLeaf, Program

ARITHMETIC = {"scale", "add", "subtract", "multiply", "divide"}
OTHERS = {"cast", "identical", "settle_nans"}
# NumPy rounds to bfloat16 in five times torch's time: by so many elements that is what loading torch takes.
_MOST_ROUNDED = 3 << 29
# NumPy converts float16 twenty times slower than torch, and cannot compute in bfloat16.
_FLOATS = {DType.BF16, DType.F32, DType.F64}


def needs_torch(regions: Iterable[Region]) -> bool:
    """Whether some region is more than a weighted sum or difference of what files hold, or all are too much.

    Both leave the same bytes.
    """
    rounded = 0
    for region in regions:
        if region.is_copy:
            continue
        if not _is_plain(region):
            return True
        if region.target.dtype is DType.BF16:
            rounded += region.target.elements
    return rounded > _MOST_ROUNDED


def _is_plain(region: Region) -> bool:
    program = region.program
    return (
        not (region.held or program.by_rows or is_turned(region.target))
        and _has_dtypes(program)
        and all(_has_kernel(step, program) for step in program.instructions)
        and all(_is_of_file(leaf) for leaf in region.leaves)
    )


def _has_dtypes(program: Program) -> bool:
    """Bfloat16 goes to and from float32 only: from float64 it would be rounded twice."""
    floats = {register.dtype for register in program.registers if register.dtype.is_float}
    return floats <= _FLOATS and not floats >= {DType.BF16, DType.F64}


def _has_kernel(step: Instruction, program: Program) -> bool:
    if step.kernel in ARITHMETIC:
        return program.registers[step.target].dtype is not DType.BF16
    return step.kernel in OTHERS or step.kernel == "load"


def _is_of_file(leaf: LoadedLeaf) -> bool:
    """Whether a leaf is read as it lies in its file."""
    made = leaf.generator, leaf.reduction, leaf.picked, leaf.decision
    return not (leaf.is_turned or leaf.is_held) and all(one is None for one in made)
