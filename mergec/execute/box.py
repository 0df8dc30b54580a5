"""Boxes of strided views: which runs of bytes they are."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mergec.ir.program import LoadedLeaf, Program
    from mergec.ir.strided_view import Shape, StridedView


def box_of(view: StridedView, corner: Shape, size: Shape) -> StridedView:
    """The view of the elements with corner <= index < corner + size."""
    skipped = sum(index * stride for index, stride in zip(corner, view.strides, strict=True))
    return view._replace(offset=view.offset + skipped * view.dtype.itemsize, shape=size)


def part_of(program: Program, leaf: LoadedLeaf, corner: Shape, size: Shape) -> StridedView:
    """The part of a leaf that a tile needs: the same box, or its own rows of it."""
    if program.by_rows:
        return rows_of(leaf.view, corner[0], size[0])
    return box_of(leaf.view, corner, size)


def rows_of(view: StridedView, start: int, count: int) -> StridedView:
    """Some rows of a leaf, or the one that stands for all."""
    if view.shape[0] == 1:
        start, count = 0, 1
    return box_of(view, (start, *(0 for _ in view.shape[1:])), (count, *view.shape[1:]))


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
