"""An axis's index, evaluated for the vector of an element."""

from __future__ import annotations

from itertools import accumulate
from math import prod
from typing import TYPE_CHECKING

import numpy as np

from mergec.ir.axis_index import axis_length

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mergec.ir.axis_index import AxisIndex, IndexFactor


def indices(index: AxisIndex, vector: NDArray[np.int32]) -> NDArray[np.int64]:
    """Which index of the input comes to each index of the output: out[i] = in[indices[i]].

    `vector` is that of an element; the result has the axis's length.
    """
    out = np.empty(axis_length(index), np.int64)
    start = 0
    for segment in index.segments:
        found = _segment(segment, vector)
        out[start : start + found.size] = (found + start).reshape(-1)
        start += found.size
    if index.block is not None:
        out += int(vector[index.block.entry]) * out.size
    return out


def _segment(segment: tuple[IndexFactor, ...], vector: NDArray[np.int32]) -> NDArray[np.int64]:
    """Of one segment, as an array with an axis for each factor; mixed radix, the last factor fastest."""
    if len(segment) == 1 and not segment[0].parents:
        (factor,) = segment
        if factor.start is None:
            return np.arange(factor.size)
        return vector[factor.start : factor.start + factor.size].astype(np.int64)
    sizes = tuple(factor.size for factor in segment)
    strides = list(accumulate(reversed(sizes), lambda stride, size: stride * size, initial=1))[-2::-1]
    places = np.meshgrid(*(np.arange(size) for size in sizes), indexing="ij", sparse=True)
    found = np.zeros(sizes, np.int64)
    for factor, stride, place in zip(segment, strides, places, strict=True):
        found += stride * (place if factor.start is None else _moved(factor, place, places, vector))
    return found


def _moved(
    factor: IndexFactor,
    place: NDArray[np.int64],
    places: tuple[NDArray[np.int64], ...],
    vector: NDArray[np.int32],
) -> NDArray[np.int64]:
    """What a group puts at each place of a factor, which of a family's members it is told by its parents."""
    assert factor.start is not None
    member: NDArray[np.int64] | int = 0
    for parent in factor.parents:
        at = parent.at if parent.factor is None else places[parent.factor]
        member = member * parent.size + at
    count = prod(parent.size for parent in factor.parents)
    rows = vector[factor.start : factor.start + count * factor.size].reshape(count, factor.size)
    moved: NDArray[np.int64] = rows[member, place].astype(np.int64)
    return moved
