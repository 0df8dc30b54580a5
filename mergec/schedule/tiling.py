"""Boxes: axes that lie together merged, and a tile that fits a number of elements."""

from __future__ import annotations

from math import isqrt
from typing import TYPE_CHECKING

from mergec.ir.dtype import DType
from mergec.ir.strided_view import StridedView, is_turned

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mergec.ir.program import LoadedLeaf
    from mergec.ir.strided_view import Shape

# A tile of a turned tensor is a square whose sides are runs in the file: the larger, the fewer reads.
TURNED_FACTOR = 4


def collapsed(views: Sequence[StridedView]) -> list[StridedView]:
    """The same views with as few axes as possible: those that all views step through evenly merge.

    All views have one shape. Axes of size 1 go; contiguous views become flat.
    """
    shape: list[int] = []
    strides: list[list[int]] = [[] for _ in views]
    for axis, size in enumerate(views[0].shape):
        if size == 1:
            continue
        steps = [view.strides[axis] for view in views]
        if shape and all(outer[-1] == step * size for outer, step in zip(strides, steps, strict=True)):
            shape[-1] *= size
            for outer, step in zip(strides, steps, strict=True):
                outer[-1] = step
        else:
            shape.append(size)
            for outer, step in zip(strides, steps, strict=True):
                outer.append(step)
    if not shape:
        shape, strides = [1], [[1] for _ in views]
    return [
        view._replace(shape=tuple(shape), strides=tuple(own))
        for view, own in zip(views, strides, strict=True)
    ]


def collapsed_leaves(leaves: Sequence[LoadedLeaf], shape: Shape) -> tuple[tuple[LoadedLeaf, ...], Shape]:
    """Leaves of one shape, or repeated to it, with as few axes as possible, and the shape that is left."""
    whole = StridedView.contiguous(0, 0, DType.F32, shape)
    whole, *views = collapsed([whole, *(leaf.view.expanded(shape) for leaf in leaves)])
    new = (
        leaf._replace(view=view, is_turned=is_turned(view)) for leaf, view in zip(leaves, views, strict=True)
    )
    return tuple(new), whole.shape


def tile_rows(elements: int, row_elements: int, block: int) -> int:
    """How many rows a tile of about `elements` elements has: a multiple of `block`, at least one of it."""
    return max(elements // max(row_elements, 1) // block, 1) * block


def tile_shape(target: StridedView, turned_views: Sequence[StridedView], elements: int) -> Shape:
    """The box that a worker computes at a time, of about `elements` elements, at least one.

    `turned_views` are those whose files hold the elements in another order.
    """
    shape = target.shape
    turned = next(iter(turned_views), None)
    tile = [1] * len(shape)
    left = max(elements, 1)
    order = list(range(len(shape) - 1, -1, -1))
    if turned is not None and len(shape) > 1:
        fast = min(order, key=lambda axis: (turned.strides[axis], -axis))
        last = order[0]
        if fast != last:
            side = isqrt(left)
            tile[fast] = min(shape[fast], max(side, left // shape[last]))
            left //= tile[fast]
            order.remove(fast)
    for axis in order:
        tile[axis] = max(min(shape[axis], left), 1)
        left //= tile[axis]
    return tuple(tile)
