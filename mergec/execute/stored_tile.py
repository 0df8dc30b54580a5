"""What a tile came to, handed to the sink or told as a fault."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mergec.diagnostics import MergecError
from mergec.execute.box import runs
from mergec.execute.errors import IntegersDiffer

if TYPE_CHECKING:
    from mergec.execute.worker import Sink
    from mergec.ir.plan import Plan
    from mergec.ir.strided_view import StridedView


def store(box: StridedView, data: memoryview, sink: Sink) -> int:
    """Hand the bytes of a box, which are in the file's order, to the sink; their number.

    Raises:
        MergecError: MC08xx from the sink.
    """
    position = 0
    for offset, nbytes in runs(box):
        sink.write_at(box.file, offset, data[position : position + nbytes])
        position += nbytes
    return position


def integers_differ(plan: Plan, tensor: int, tile: StridedView, element: int) -> MergecError:
    """The diagnostic for an element of a tile, counted as an element of the tensor that is written."""
    place = plan.layout.tensors[tensor]
    offset = tile.offset
    for size, stride in zip(reversed(tile.shape), reversed(tile.strides), strict=True):
        element, index = divmod(element, size)
        offset += index * stride * tile.dtype.itemsize
    number = (offset - place.offset) // tile.dtype.itemsize
    return MergecError([IntegersDiffer(tensor=place.name, element=number)])
