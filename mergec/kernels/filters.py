"""Filters of neighbouring elements, as scipy.ndimage defines them, and many times as fast.

Medians are found for many elements at once by comparing and exchanging in an order that is fixed beforehand,
and weighted means are sums in a fixed order: the bits are the same on every machine.
"""

from __future__ import annotations

from functools import cache
from itertools import product
from typing import TYPE_CHECKING, Any

import torch

from mergec.ir.filter_primitives import GAUSSIAN_REACH, MEDIAN_REACH, cut

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

# exp(-k^2 / 2) for k from 0 to 4, divided by the sum of all nine.
_WEIGHTS = (
    0.39894346935609776,
    0.24197144565660075,
    0.053991127420704416,
    0.004431861620031266,
    0.00013383062461474178,
)


def median_filter(out: torch.Tensor, sources: Sequence[torch.Tensor]) -> None:
    """The median of what lies around each element. Axes of size 1 repeat it, which does not move a median."""
    source, out = sources[0].squeeze(), out.squeeze()
    if source.dim() == 0:
        out.copy_(source)
        return
    axis, size = cut(tuple(source.shape))
    largest = size * (source.numel() // max(source.shape[axis], 1))
    # One for each neighbour and one to spare, which all parts use.
    buffers = list(torch.empty((3 ** source.dim() + 1, largest), dtype=source.dtype))
    for part, rows in _parts(source, out, MEDIAN_REACH):
        around = rows
        for other in range(1, rows.dim()):
            around = _surrounded(around, other, 0, rows.shape[other], MEDIAN_REACH)
        part.copy_(_median(_neighbours(around, part, buffers))).add_(0.0)  # which turns -0.0 into +0.0


def _neighbours(around: torch.Tensor, part: torch.Tensor, buffers: list[torch.Tensor]) -> list[torch.Tensor]:
    """What lies at each place around the elements of a part, and one tensor to spare."""
    # The longest axis last in memory, so that copies go in long runs.
    order = sorted(range(part.dim()), key=lambda axis: part.shape[axis])
    turned, shape = around.permute(order).contiguous(), [part.shape[axis] for axis in order]
    values = [buffer[: part.numel()].view(shape) for buffer in buffers]
    for value, starts in zip(values, product(range(3), repeat=part.dim()), strict=False):
        moved = turned
        for axis, (start, length) in enumerate(zip(starts, shape, strict=True)):
            moved = moved.narrow(axis, start, length)
        value.copy_(moved)
    back = [order.index(axis) for axis in range(part.dim())]
    return [value.permute(back) for value in values]


def gaussian_filter(out: torch.Tensor, sources: Sequence[torch.Tensor]) -> None:
    """The weighted mean of what lies around each element, along one axis after the other, in float64."""
    (source,) = sources
    if source.dim() == 0:
        out.copy_(source)
        return
    for part, around in _parts(source, out, GAUSSIAN_REACH):
        smooth = _weighted(around.double(), 0)
        for axis in range(1, part.dim()):
            smooth = _weighted(_surrounded(smooth, axis, 0, smooth.shape[axis], GAUSSIAN_REACH), axis)
        part.copy_(smooth)


def _parts(
    source: torch.Tensor, out: torch.Tensor, reach: int
) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Parts of the result, the axis that is cut in front, and of the source with what they reach there."""
    if not out.numel():
        return
    axis, size = cut(tuple(source.shape))
    source, out = source.movedim(axis, 0), out.movedim(axis, 0)
    for start in range(0, len(out), size):
        part = out[start : start + size]
        yield part, _surrounded(source, 0, start, start + len(part), reach)


def _surrounded(values: torch.Tensor, axis: int, start: int, stop: int, reach: int) -> torch.Tensor:
    """Indices start to stop of an axis with `reach` more at either side, reflected at the tensor's edges."""
    length = values.shape[axis]
    index = torch.arange(start - reach, stop + reach).remainder(2 * length)
    return values.index_select(axis, torch.minimum(index, 2 * length - 1 - index))


def _median(values: list[torch.Tensor]) -> torch.Tensor:
    """The middle one of an odd number of values, for each place; the last tensor is one to spare."""
    spare = values.pop()
    for low, high in _exchanges(len(values)):
        torch.minimum(values[low], values[high], out=spare)
        torch.maximum(values[low], values[high], out=values[high])
        values[low], spare = spare, values[low]
    return values[len(values) // 2]


@cache
def _exchanges(count: int) -> tuple[tuple[int, int], ...]:
    """Which places to compare, in order, so that the middle one is the median.

    Batcher's sorting network by merging odd and even places (Knuth, volume 3, 5.2.2, algorithm M), without
    the exchanges that do not matter to the middle.
    """
    exchanges: list[tuple[int, int]] = []
    top = 1 << ((count - 1).bit_length() - 1)
    span = top
    while span:
        step, remainder, distance = top, 0, span
        while True:
            exchanges.extend((i, i + distance) for i in range(count - distance) if i & span == remainder)
            if step == span:
                break
            distance, step, remainder = step - span, step // 2, span
        span //= 2
    needed = {count // 2}
    kept: list[tuple[int, int]] = []
    for pair in reversed(exchanges):
        if not needed.isdisjoint(pair):
            needed.update(pair)
            kept.append(pair)
    return tuple(reversed(kept))


def _weighted(around: torch.Tensor, axis: int) -> torch.Tensor:
    """Means along an axis that has GAUSSIAN_REACH more at either end; the farthest are added first."""
    length = around.shape[axis] - 2 * GAUSSIAN_REACH
    total = around.narrow(axis, GAUSSIAN_REACH, length) * _WEIGHTS[0]
    for distance in range(GAUSSIAN_REACH, 0, -1):
        before = around.narrow(axis, GAUSSIAN_REACH - distance, length)
        after = around.narrow(axis, GAUSSIAN_REACH + distance, length)
        total.add_((before + after).mul_(_WEIGHTS[distance]))
    return total


KERNELS: dict[str, Callable[..., Any]] = {
    "median_filter": median_filter,
    "gaussian_filter": gaussian_filter,
}
