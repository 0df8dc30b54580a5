"""Rows of parts, read from the operands that they are cut from."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from mergec.ir.axis_index import axis_index
from mergec.ir.symmetry import SymmetricTensor
from mergec.symmetries.axis_indices import indices
from mergec.symmetries.matching.operand import rows_at

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from mergec.ir.symmetry import Segment, Symmetry
    from mergec.symmetries.matching.operand import Operand
    from mergec.symmetries.matching.part import Part

    Array = NDArray[Any]


def segment_index(
    symmetry: Symmetry, segment: Segment, vector: NDArray[np.int32], at: Mapping[int, int]
) -> NDArray[np.int64]:
    """Which index of a segment comes to each of its indices."""
    size = prod(factor.size for factor in segment)
    return indices(axis_index(symmetry, SymmetricTensor(("",), (size,), ((segment,),)), 0, at), vector)


def read(
    part: Part, operands: Sequence[Operand], rows: NDArray[np.int64], *, is_masked: bool = False
) -> Array:
    """Rows of a part, in the order asked for: (rows, width). `is_masked`: what must not count is zero."""
    own = operands[part.operand : part.operand + len(part.tensor.names)]
    if part.order is None:
        return _read(part, own, rows, is_masked=is_masked)
    every = np.arange(prod(stop - start for start, stop in part.box[: part.row_axes]))
    values = _read(part, own, every, is_masked=is_masked)
    return values.reshape(_sizes_on_disk(part)).transpose(part.order).reshape(1, -1)


def _read(part: Part, own: Sequence[Operand], rows: NDArray[np.int64], *, is_masked: bool) -> Array:
    shape = part.tensor.shape
    height = shape[1] if part.row_axes == 2 else shape[0] if not part.tensor.is_stacked else 1
    start, stop = part.box[part.row_axes - 1]
    if part.row_axes == 2:
        places = (rows // (stop - start) + part.box[0][0]) * height + rows % (stop - start) + start
    else:
        places = rows + start
    values = rows_at(own, height, places)
    if is_masked and part.tensor.masks:
        values = values.copy()
        _mask(part, values, places % height)
    box = part.box[part.row_axes :]
    if any(stretch != (0, size) for stretch, size in zip(box, shape[part.row_axes :], strict=True)):
        values = values[(slice(None), *(slice(*stretch) for stretch in box))]
    return values.reshape(len(rows), -1)


def _mask(part: Part, values: Array, places: NDArray[np.int64]) -> None:
    for mask in part.tensor.masks:
        axis = mask.axis - part.row_axes + 1
        if axis > 0:
            values[(*[slice(None)] * axis, slice(mask.start, mask.stop))] = 0
        elif axis == 0:
            values[(mask.start <= places) & (places < mask.stop)] = 0


def _sizes_on_disk(part: Part) -> list[int]:
    assert part.order is not None
    sizes = [0] * len(part.order)
    for factor, place in zip(part.columns, part.order, strict=True):
        sizes[place] = factor.size
    return sizes
