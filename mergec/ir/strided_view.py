"""Where the elements of a tensor lie in a file."""

from __future__ import annotations

from functools import lru_cache
from itertools import pairwise
from math import prod
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from mergec.ir.dtype import DType

Shape = tuple[int, ...]


@lru_cache(maxsize=4096)
def row_major_strides(shape: Shape) -> Shape:
    """The strides, in elements, of a contiguous tensor of this shape."""
    strides = [1] * len(shape)
    for axis in range(len(shape) - 2, -1, -1):
        strides[axis] = strides[axis + 1] * max(shape[axis + 1], 1)
    return tuple(strides)


class StridedView(NamedTuple):
    """A tensor as bytes of a file: element (i, j, ...) is at offset + (i*s0 + j*s1 + ...) * itemsize.

    `file` is an index into the file table of the sources; `offset` counts bytes from the start of
    that file, `strides` count elements. Sub-byte dtypes are contiguous always.
    """

    file: int
    offset: int
    dtype: DType
    shape: Shape
    strides: Shape

    @classmethod
    def contiguous(cls, file: int, offset: int, dtype: DType, shape: Shape) -> StridedView:
        """A view of elements that lie one after another in C order."""
        return cls(file, offset, dtype, shape, row_major_strides(shape))

    @property
    def elements(self) -> int:
        """The number of elements."""
        return prod(self.shape)

    @property
    def nbytes(self) -> int:
        """The bytes of the elements, without any gaps between them."""
        return self.dtype.nbytes(self.elements)

    @property
    def is_contiguous(self) -> bool:
        """Whether the elements lie one after another in C order. Axes of size 1 do not matter."""
        if self.strides == row_major_strides(self.shape):
            return True
        expected = 1
        for size, stride in zip(reversed(self.shape), reversed(self.strides), strict=True):
            if size == 0:
                return True
            if size != 1:
                if stride != expected:
                    return False
                expected *= size
        return True

    def sliced(self, axis: int, start: int, stop: int) -> StridedView:
        """The part with start <= index < stop on `axis`."""
        shape = (*self.shape[:axis], stop - start, *self.shape[axis + 1 :])
        offset = self.offset + start * self.strides[axis] * self.dtype.itemsize
        return self._replace(offset=offset, shape=shape)

    def permuted(self, order: Shape) -> StridedView:
        """The view whose axis k is this view's axis order[k]."""
        return self._replace(
            shape=tuple(self.shape[a] for a in order),
            strides=tuple(self.strides[a] for a in order),
        )

    def reshaped(self, shape: Shape) -> StridedView | None:
        """The elements in row-major order of the axes, in another shape; None where no strides give that."""
        if prod(shape) != self.elements:
            return None
        if self.elements == 0:
            return self._replace(shape=shape, strides=row_major_strides(shape))
        old = [(size, stride) for size, stride in zip(self.shape, self.strides, strict=True) if size != 1]
        new = [size for size in shape if size != 1]
        strides = iter(found) if (found := _regrouped(old, new)) is not None else None
        if strides is None:
            return None
        return self._replace(shape=shape, strides=tuple(1 if size == 1 else next(strides) for size in shape))

    def expanded(self, shape: Shape) -> StridedView:
        """The view in which axes of size 1 are repeated up to the sizes of `shape`."""
        strides = (0 if size == 1 else stride for size, stride in zip(self.shape, self.strides, strict=True))
        return self._replace(shape=shape, strides=tuple(strides))

    def unsqueezed(self, axis: int) -> StridedView:
        """The view with an axis of size 1 put in before `axis`."""
        shape = (*self.shape[:axis], 1, *self.shape[axis:])
        return self._replace(shape=shape, strides=(*self.strides[:axis], 1, *self.strides[axis:]))


def is_turned(view: StridedView) -> bool:
    """Whether the file holds the elements in another order than the view's axes."""
    steps = [stride for size, stride in zip(view.shape, view.strides, strict=True) if size > 1]
    return any(inner > outer for outer, inner in pairwise(steps)) or (bool(steps) and steps[-1] != 1)


def _regrouped(old: list[tuple[int, int]], new: list[int]) -> list[int] | None:
    """The strides of axes of sizes `new` over the same elements, where each group of old axes is even."""
    strides: list[int] = []
    position = 0
    at = 0
    while at < len(new):
        wanted, start, have, first = new[at], at, 1, position
        while have != wanted:  # grow the smaller side until both hold the same elements
            if have < wanted:
                have *= old[position][0]
                position += 1
            else:
                at += 1
                wanted *= new[at]
        group = old[first:position]
        if any(outer[1] != inner[0] * inner[1] for outer, inner in pairwise(group)):
            return None
        step = group[-1][1]
        inner_strides: list[int] = []
        for size in reversed(new[start : at + 1]):
            inner_strides.append(step)
            step *= size
        strides.extend(reversed(inner_strides))
        at += 1
    return strides
