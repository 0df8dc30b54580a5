"""Tensors cut where their axes are concatenations, and read as matrices.

A part is a matrix: its rows are the tensor's first axis (and the second one, where the tensor is stacked of
several), its columns all others. Both are products of factors.
"""

from __future__ import annotations

from itertools import product
from math import prod
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mergec.ir.symmetry import Segment, SymmetricTensor, Symmetry


class Part(NamedTuple):
    """`operand` is the number of the tensor's first operand, `box` where the part lies on each axis.

    A part is `whole` if a family stands before its parent, or on the rows while its parent stands on the
    columns: it is then read at once, as a single row whose columns are all its factors in `order`, parents
    first.
    """

    operand: int
    tensor: SymmetricTensor
    box: tuple[tuple[int, int], ...]
    rows: Segment
    columns: Segment
    order: tuple[int, ...] | None = None

    @property
    def height(self) -> int:
        """The number of rows."""
        return prod(factor.size for factor in self.rows)

    @property
    def width(self) -> int:
        """The number of columns."""
        return prod(factor.size for factor in self.columns)

    @property
    def row_axes(self) -> int:
        """How many of the tensor's axes are rows."""
        return 2 if self.tensor.is_stacked and len(self.tensor.shape) > 1 else 1

    def groups(self) -> tuple[int, ...]:
        """The groups that act on it, as often as they do."""
        factors = (*self.rows, *self.columns)
        return tuple(factor.group for factor in factors if factor.group is not None)


def parts_of(symmetry: Symmetry) -> list[Part]:
    """All parts of the tensors that count in matching."""
    parts: list[Part] = []
    operand = 0
    for tensor in symmetry.tensors:
        if tensor.weight > 0:
            parts += (_checked(symmetry, part) for part in _cut(tensor, operand))
            operand += len(tensor.names)
    return parts


def _cut(tensor: SymmetricTensor, operand: int) -> Iterator[Part]:
    stretches = []
    for axis in tensor.axes:
        start, choices = 0, []
        for segment in axis:
            stop = start + prod(factor.size for factor in segment)
            choices.append((segment, (start, stop)))
            start = stop
        stretches.append(choices)
    for chosen in product(*stretches):
        part = Part(operand, tensor, tuple(box for _, box in chosen), (), ())
        sides = [factor for segment, _ in chosen[: part.row_axes] for factor in segment]
        others = [factor for segment, _ in chosen[part.row_axes :] for factor in segment]
        yield part._replace(rows=tuple(sides), columns=tuple(others))


def _checked(symmetry: Symmetry, part: Part) -> Part:
    """The part, read whole if the rows' index depends on the columns, or one on what comes after it."""
    seen: list[int | None] = []
    present = set(part.groups())
    for factor in (*part.rows, *part.columns):
        if factor.group is not None:
            missing = set(symmetry.parents(factor.group)) - set(seen)
            if missing & present:
                return whole(symmetry, part)
        seen.append(factor.group)
    return part


def whole(symmetry: Symmetry, part: Part) -> Part:
    """The same part as a single row."""
    if part.order is not None:
        return part
    factors = (*part.rows, *part.columns)
    depths = [len(symmetry.parents(f.group)) if f.group is not None else 0 for f in factors]
    order = sorted(range(len(factors)), key=depths.__getitem__)
    return part._replace(rows=(), columns=tuple(factors[i] for i in order), order=tuple(order))
