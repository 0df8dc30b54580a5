"""Weights that a file holds quantised: packed codes, their scales, and what makes them dense again."""

from __future__ import annotations

from math import gcd
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from mergec.ir.dtype import DType
    from mergec.ir.strided_view import Shape, StridedView


WHOLE_OPERAND = (0, 0)


def rows_for(elements: int, columns: int) -> tuple[int, int]:
    """How the first axis of an operand follows rows of `columns` values, with one entry for `elements`."""
    common = gcd(elements, columns)
    return elements // common, columns // common


class Scheme(NamedTuple):
    """How packed tensors stand for weights. A plain value: it is part of the plan.

    `kind` names the kernel, `roles` what each operand is to it, in order, and `parameters` what no
    operand tells, as pairs. `rows` tells for each operand how its first axis follows that of the weight:
    (128, 1) for a row of scales for 128 rows of weights, WHOLE_OPERAND for one that all rows need. It is
    empty where the weight can only be had as a whole.
    """

    kind: str
    roles: tuple[str, ...]
    dtypes: tuple[DType, ...]
    parameters: tuple[tuple[str, int | str], ...] = ()
    rows: tuple[tuple[int, int], ...] = ()


class PackedPart(NamedTuple):
    """A tensor that is read as it is stored, and is a part of a quantised weight.

    `what` names the quantisation; `problem` says why mergec does not undo it, if it does not.
    """

    name: str
    what: str
    problem: str


class LayoutChange(NamedTuple):
    """A step of a rename rule: `slice` (axis, start, stop), `permute` (order) or `reshape` (shape)."""

    kind: str
    attributes: tuple[int, ...]


class Packed(NamedTuple):
    """A quantised tensor as a source holds it: its parts, its scheme, and what rename rules did to it.

    `dense` is the shape that dequantising gives, `shape` that after all `changes`. `dtype` is the one
    that the values are computed in, `stored` the one that they are written in where a recipe names none,
    and `what` says for people what it is and who dequantises it.
    """

    scheme: Scheme
    parts: tuple[StridedView, ...]
    dtype: DType
    stored: DType
    dense: Shape
    shape: Shape
    what: str
    changes: tuple[LayoutChange, ...] = ()

    def sliced(self, axis: int, start: int, stop: int) -> Packed:
        """The part with start <= index < stop on `axis`."""
        shape = (*self.shape[:axis], stop - start, *self.shape[axis + 1 :])
        return self._changed(shape, LayoutChange("slice", (axis, start, stop)))

    def permuted(self, order: Shape) -> Packed:
        """The tensor whose axis k is this one's axis order[k]."""
        return self._changed(tuple(self.shape[a] for a in order), LayoutChange("permute", order))

    def unsqueezed(self, axis: int) -> Packed:
        """The tensor with an axis of size 1 put in before `axis`."""
        shape = (*self.shape[:axis], 1, *self.shape[axis:])
        return self._changed(shape, LayoutChange("reshape", shape))

    def _changed(self, shape: Shape, change: LayoutChange) -> Packed:
        return self._replace(shape=shape, changes=(*self.changes, change))
