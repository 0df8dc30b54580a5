"""Tensors put together from parts of files, before anything is computed."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from mergec.ir.packed import Packed
from mergec.ir.strided_view import Shape, StridedView

if TYPE_CHECKING:
    from mergec.ir.dtype import DType


class Joined(NamedTuple):
    """Parts laid one after another along an axis. All parts share dtype and the other sizes."""

    axis: int
    parts: tuple[Layout, ...]

    @property
    def dtype(self) -> DType:
        """The dtype of all parts."""
        return self.parts[0].dtype

    @property
    def shape(self) -> Shape:
        """The shape of the whole."""
        first = self.parts[0].shape
        total = sum(part.shape[self.axis] for part in self.parts)
        return (*first[: self.axis], total, *first[self.axis + 1 :])

    def sliced(self, axis: int, start: int, stop: int) -> Layout:
        """The part with start <= index < stop on `axis`."""
        if axis != self.axis:
            return Joined(self.axis, tuple(p.sliced(axis, start, stop) for p in self.parts))
        kept: list[Layout] = []
        begin = 0
        for part in self.parts:
            end = begin + part.shape[axis]
            low, high = max(start, begin), min(stop, end)
            if low < high:
                kept.append(part.sliced(axis, low - begin, high - begin))
            begin = end
        if not kept:
            return self.parts[0].sliced(axis, 0, 0)
        return kept[0] if len(kept) == 1 else Joined(axis, tuple(kept))

    def permuted(self, order: Shape) -> Layout:
        """The whole with axis k being this whole's axis order[k]."""
        return Joined(order.index(self.axis), tuple(p.permuted(order) for p in self.parts))

    def unsqueezed(self, axis: int) -> Layout:
        """The whole with an axis of size 1 put in before `axis`."""
        moved = self.axis + 1 if axis <= self.axis else self.axis
        return Joined(moved, tuple(p.unsqueezed(axis) for p in self.parts))


Layout = StridedView | Joined | Packed


def views(layout: Layout) -> tuple[StridedView, ...]:
    """The file regions of a layout, in order."""
    if isinstance(layout, StridedView):
        return (layout,)
    if isinstance(layout, Packed):
        return layout.parts
    return tuple(view for part in layout.parts for view in views(part))
