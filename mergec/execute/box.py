"""Boxes of strided views: which runs of bytes they are."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mergec.ir.strided_view import Shape, StridedView


def box_of(view: StridedView, corner: Shape, size: Shape) -> StridedView:
    """The view of the elements with corner <= index < corner + size."""
    skipped = sum(index * stride for index, stride in zip(corner, view.strides, strict=True))
    return view._replace(offset=view.offset + skipped * view.dtype.itemsize, shape=size)


def runs(box: StridedView) -> Iterator[tuple[int, int]]:
    """The (file offset, bytes) of each contiguous run, in row-major order of the box."""
    width = box.dtype.itemsize
    length = 1
    axes = len(box.shape)
    while axes and (box.shape[axes - 1] == 1 or box.strides[axes - 1] == length):
        axes -= 1
        length *= box.shape[axes]
    nbytes = length * width
    for start in _starts(box.shape[:axes], box.strides[:axes]):
        yield box.offset + start * width, nbytes


def _starts(shape: Shape, strides: Shape) -> Iterator[int]:
    """The element at each index, made as they are asked for: there may be as many as elements."""
    if not shape:
        yield 0
        return
    for outer in _starts(shape[:-1], strides[:-1]):
        for index in range(shape[-1]):
            yield outer + index * strides[-1]


def boxes(shape: Shape, tile: Shape) -> Iterator[tuple[Shape, Shape]]:
    """The (corner, size) of the tiles that cover a shape, in row-major order."""
    for corner in itertools.product(*(range(0, size, step) for size, step in zip(shape, tile, strict=True))):
        yield corner, tuple(min(t, s - c) for c, s, t in zip(corner, shape, tile, strict=True))
