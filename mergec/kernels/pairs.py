"""Bfloat16 widened and rounded two at a time, in the 32 bits that they share.

A widened register holds what comes first in each pair, and then what comes second. That changes nothing where
all that is loaded and all that is stored is bfloat16, and what lies between goes element by element. So every
NaN ends in sixteen bits of 0, and rounding carries none of them over.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Array = NDArray[Any]

# How many pairs are rounded at a time: the memory that takes is not in the plan, and between calls that are
# too short the workers wait for each other.
_CHUNK = 1 << 16
_UPPER = 0xFFFF0000


def cast(out: Array, sources: Sequence[Array]) -> None:
    """Round to the dtype of `out`: to nearest, ties to even. The number of elements is even."""
    (source,) = sources
    if source.dtype == np.uint16 and out.dtype == np.float32:
        first, second = _halves(out)
        pairs = source.view(np.uint32)
        np.left_shift(pairs, 16, out=first)
        np.bitwise_and(pairs, _UPPER, out=second)
    elif source.dtype == np.float32 and out.dtype == np.uint16:
        _round(*_halves(source), out.view(np.uint32))
    else:
        np.copyto(out, source)


def _halves(array: Array) -> tuple[Array, Array]:
    bits = array.view(np.uint32)
    return bits[: len(bits) // 2], bits[len(bits) // 2 :]


def _round(first: Array, second: Array, pairs: Array) -> None:
    scratch = np.empty(min(_CHUNK, len(pairs)), np.uint32)
    for start in range(0, len(pairs), _CHUNK):
        part = slice(start, start + _CHUNK)
        out = pairs[part]
        upper = scratch[: len(out)]
        np.right_shift(_rounded(first[part], out), 16, out=out)
        np.bitwise_and(_rounded(second[part], upper), _UPPER, out=upper)
        np.bitwise_or(out, upper, out=out)


def _rounded(bits: Array, found: Array) -> Array:
    """Float32 plus half a unit of what is kept of it, less where that is even; in the upper 16 bits."""
    np.right_shift(bits, 16, out=found)
    np.bitwise_and(found, 1, out=found)
    np.add(found, 0x7FFF, out=found)
    np.add(found, bits, out=found)
    return found
