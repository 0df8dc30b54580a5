"""Boxes: axes that lie together merged, and a tile that fits a number of elements."""

from __future__ import annotations

from itertools import pairwise
from math import isqrt
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mergec.ir.strided_view import Shape, StridedView

# A tile of a turned tensor is a square whose sides are runs in the file: the larger, the fewer reads.
_TURNED_FACTOR = 4


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


def is_turned(view: StridedView) -> bool:
    """Whether the file holds the elements in another order than the view's axes."""
    steps = [stride for size, stride in zip(view.shape, view.strides, strict=True) if size > 1]
    return any(inner > outer for outer, inner in pairwise(steps)) or (bool(steps) and steps[-1] != 1)


def tile_shape(target: StridedView, leaves: Sequence[StridedView], elements: int) -> Shape:
    """The box that a worker computes at a time, of about `elements` elements, at least one."""
    shape = target.shape
    turned = next((leaf for leaf in leaves if is_turned(leaf)), None)
    tile = [1] * len(shape)
    left = max(elements, 1)
    order = list(range(len(shape) - 1, -1, -1))
    if turned is not None and len(shape) > 1:
        left *= _TURNED_FACTOR
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
