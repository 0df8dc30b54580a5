"""How far the values of two tensors lie apart, streamed in fixed blocks."""

from __future__ import annotations

from math import fsum, isfinite, sqrt
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from mergec.execute.box import box_of, boxes, runs
from mergec.schedule.tiling import tile_shape
from mergec.verification.float_values import float_values, has_values

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

    from mergec.ir.strided_view import StridedView
    from mergec.sources.byte_source import ByteSource

# Elements that are taken in at a time. Sums depend on it, and on nothing else.
BLOCK = 1 << 18


class ValueDifference(NamedTuple):
    """Two tensors of one shape: how many elements differ, and by how much.

    Elements of one dtype differ where their bits do. The measures are over the elements that are finite
    in both: `not_finite` counts those that differ and are not. `relative_l2` is the L2 norm of the
    difference over that of the first tensor. What has no value is None: measures of dtypes that are no
    numbers, quotients by 0, and what float64 cannot hold.
    """

    elements: int
    differing: int | None
    max_abs: float | None = None
    relative_l2: float | None = None
    cosine: float | None = None
    not_finite: int = 0


class _Sums(NamedTuple):
    """What a block adds."""

    differing: int
    not_finite: int
    max_abs: float
    off: float
    first: float
    second: float
    product: float


class Placed(NamedTuple):
    """A tensor in a file that is open. `is_number`: its elements are those of its dtype, not packed ones."""

    view: StridedView
    source: ByteSource
    is_number: bool = True


def value_difference(
    first: Placed, second: Placed, progress: Callable[[int], None] = lambda _bytes: None
) -> ValueDifference | None:
    """How two tensors of one shape differ; None where they have one dtype and all bits are equal.

    `progress` is told of the bytes that are read of the first.

    Raises:
        MergecError: MC02xx from a file.
    """
    pairs = list(_blocks(first.view, second.view))
    if first.view.dtype is second.view.dtype:
        equal = _leading_equal_blocks(first, second, pairs, progress)
        if equal == len(pairs):
            return None
    else:
        equal = 0
    if not _has_numbers(first) or not _has_numbers(second):
        return ValueDifference(first.view.elements, _differing(first, second, pairs[equal:], progress))
    # The norms are of the whole tensors: equal blocks count, and are read again.
    return _measured(first.view.elements, [_sums(first, second, pair, progress) for pair in pairs])


def _has_numbers(one: Placed) -> bool:
    return one.is_number and has_values(one.view.dtype)


def _blocks(first: StridedView, second: StridedView) -> Iterator[tuple[StridedView, StridedView]]:
    """Boxes of both that hold the same elements, few enough of them, in an order that suits the first."""
    if first.is_contiguous and second.is_contiguous:
        for start in range(0, first.elements, BLOCK):
            count = min(BLOCK, first.elements - start)
            yield _flat(first, start, count), _flat(second, start, count)
        return
    order = tuple(sorted(range(len(first.shape)), key=lambda axis: -first.strides[axis]))
    first, second = first.permuted(order), second.permuted(order)
    for corner, size in boxes(first.shape, tile_shape(first, (), BLOCK)):
        yield box_of(first, corner, size), box_of(second, corner, size)


def _flat(view: StridedView, start: int, count: int) -> StridedView:
    return view._replace(offset=view.offset + view.dtype.nbytes(start), shape=(count,), strides=(1,))


def _read(one: Placed, box: StridedView) -> bytearray:
    data = bytearray(box.nbytes)
    if box.is_contiguous:
        one.source.read_at(box.offset, memoryview(data))
        return data
    position = 0
    for offset, nbytes in runs(box):
        one.source.read_at(offset, memoryview(data)[position : position + nbytes])
        position += nbytes
    return data


def _leading_equal_blocks(
    first: Placed,
    second: Placed,
    pairs: Sequence[tuple[StridedView, StridedView]],
    progress: Callable[[int], None],
) -> int:
    for number, (a, b) in enumerate(pairs):
        if _read(first, a) != _read(second, b):
            return number
        progress(a.nbytes)
    return len(pairs)


def _differing(
    first: Placed,
    second: Placed,
    pairs: Sequence[tuple[StridedView, StridedView]],
    progress: Callable[[int], None],
) -> int | None:
    """How many elements differ in their bits; None where elements are no whole bytes, or of two dtypes."""
    width = first.view.dtype.itemsize
    if not width or first.view.dtype is not second.view.dtype or not first.is_number:
        return None
    count = 0
    for a, b in pairs:
        count += int(np.count_nonzero(_other(_read(first, a), _read(second, b), width)))
        progress(a.nbytes)
    return count


def _other(a: bytearray, b: bytearray, width: int) -> NDArray[np.bool_]:
    other: NDArray[np.bool_] = np.frombuffer(a, f"<u{width}") != np.frombuffer(b, f"<u{width}")
    return other


def _sums(
    first: Placed,
    second: Placed,
    pair: tuple[StridedView, StridedView],
    progress: Callable[[int], None],
) -> _Sums:
    a, b = _read(first, pair[0]), _read(second, pair[1])
    one, two = float_values(first.view.dtype, a), float_values(second.view.dtype, b)
    if first.view.dtype is second.view.dtype:
        other = _other(a, b, first.view.dtype.itemsize)
    else:
        other = (one != two) & ~(np.isnan(one) & np.isnan(two))
    is_finite = np.isfinite(one) & np.isfinite(two)
    lost = int(np.count_nonzero(other & ~is_finite))
    if not is_finite.all():
        one, two = one[is_finite], two[is_finite]
    with np.errstate(over="ignore", invalid="ignore"):
        off = two - one
        # Sums by numpy are in pairs, the same on every machine; a dot product by BLAS is not.
        sums = (float((x * y).sum()) for x, y in ((off, off), (one, one), (two, two), (one, two)))
        largest = float(np.abs(off).max(initial=0.0))
        progress(pair[0].nbytes)
        return _Sums(int(np.count_nonzero(other)), lost, largest, *sums)


def _measured(elements: int, parts: Sequence[_Sums]) -> ValueDifference:
    off, first, second, product = (_total([part[i] for part in parts]) for i in range(3, 7))
    norms = sqrt(first) * sqrt(second)
    largest = max((part.max_abs for part in parts), default=0.0)
    return ValueDifference(
        elements=elements,
        differing=sum(part.differing for part in parts),
        max_abs=largest if isfinite(largest) else None,
        relative_l2=_quotient(sqrt(off), sqrt(first)),
        cosine=_quotient(product, norms),
        not_finite=sum(part.not_finite for part in parts),
    )


def _total(parts: Sequence[float]) -> float:
    return fsum(parts) if all(map(isfinite, parts)) else float("inf")


def _quotient(part: float, whole: float) -> float | None:
    return part / whole if whole and isfinite(whole) and isfinite(part) else None
