"""Reductions: what streams by is taken in piece by piece, in one or more passes.

A reduction makes a state for each stream, takes the stream's tiles in in their order, and puts the states
together in the order of the streams: whoever streams them, and how many at a time, changes no bit.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Protocol

import torch

from mergec.ir.reduction_primitives import JOINT_NAMES, SUM_BLOCK
from mergec.kernels.matrix import wide_blocks
from mergec.kernels.spectral import ColumnGram

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from mergec.ir.primitive import Attributes
    from mergec.ir.reduction_primitives import Rank
    from mergec.ir.strided_view import Shape

    Values = Sequence[torch.Tensor]


class Reduction(Protocol):
    """One reduction under way. Several threads may take in, each into a state of its own."""

    def begin(self) -> torch.Tensor:
        """The state of a stream of which nothing has come yet."""

    def take_in(self, state: torch.Tensor, values: Values) -> None:
        """Take in a tile of each operand."""

    def end_pass(self, states: Sequence[torch.Tensor]) -> torch.Tensor | None:
        """What the streams came to; None if all of them have to come by once more."""


def _blocks(values: Values) -> Iterator[list[torch.Tensor]]:
    flat = [value.view(-1) for value in values]
    for start in range(0, len(flat[0]), SUM_BLOCK):
        yield [value[start : start + SUM_BLOCK] for value in flat]


def _total(states: Sequence[torch.Tensor]) -> torch.Tensor:
    total = states[0].clone()
    for state in states[1:]:
        total.add_(state)
    return total


class Gram:
    """Dot products in float64, block by block."""

    def __init__(self, width: int) -> None:
        """Take in `width` operands."""
        self._width = width

    def begin(self) -> torch.Tensor:
        """Zeros."""
        return torch.zeros((self._width, self._width), dtype=torch.float64)

    def take_in(self, state: torch.Tensor, values: Values) -> None:
        """Add the products of a tile."""
        buffer = torch.empty((self._width, SUM_BLOCK), dtype=torch.float64)
        for blocks in _blocks(values):
            wide = buffer[:, : len(blocks[0])]
            for row, block in zip(wide, blocks, strict=True):
                row.copy_(block)
            state.add_(torch.mm(wide, wide.T))

    def end_pass(self, states: Sequence[torch.Tensor]) -> torch.Tensor:
        """The sum over the streams."""
        return _total(states)


class Sums:
    """Sums in float64, block by block."""

    def __init__(self, width: int) -> None:
        """Take in `width` operands."""
        self._width = width

    def begin(self) -> torch.Tensor:
        """Zeros."""
        return torch.zeros(self._width, dtype=torch.float64)

    def take_in(self, state: torch.Tensor, values: Values) -> None:
        """Add the sums of a tile."""
        for blocks in _blocks(values):
            for at, block in enumerate(blocks):
                state[at] += block.sum(dtype=torch.float64)

    def end_pass(self, states: Sequence[torch.Tensor]) -> torch.Tensor:
        """The sum over the streams."""
        return _total(states)


class Extremes:
    """The least and the greatest element."""

    def __init__(self, width: int) -> None:
        """Take in `width` operands."""
        self._width = width

    def begin(self) -> torch.Tensor:
        """Of no elements."""
        return torch.tensor([[math.inf, -math.inf]] * self._width, dtype=torch.float64)

    def take_in(self, state: torch.Tensor, values: Values) -> None:
        """Those of a tile."""
        for row, value in zip(state, values, strict=True):
            if value.numel():
                least, greatest = torch.aminmax(value)
                row[0] = torch.minimum(row[0], least.double())
                row[1] = torch.maximum(row[1], greatest.double())

    def end_pass(self, states: Sequence[torch.Tensor]) -> torch.Tensor:
        """Over the streams."""
        stacked = torch.stack(list(states))
        return torch.stack([stacked[:, :, 0].amin(0), stacked[:, :, 1].amax(0)], dim=1)


_DIGIT = 16  # bits that one pass tells


class KthMagnitudes:
    """Magnitudes by rank, exactly: the bits of a magnitude order like an integer, 16 of them in a pass.

    Each pass counts how many values there are of each next digit among those that begin as the value that
    is sought. Float32 takes two passes, float64 four.
    """

    def __init__(self, width: int, ranks: Sequence[Rank]) -> None:
        """Look for one magnitude for each rank."""
        self._width = width
        self._ranks = ranks
        self._left = [rank.rank for rank in ranks]  # the rank among those that begin alike
        self._known = [0] * len(ranks)  # the digits that are known
        self._digits = 0
        self._bits = 0  # of a magnitude; 0 before the first tile

    def begin(self) -> torch.Tensor:
        """No counts; one histogram per rank, or in the first pass per operand, of which all is counted."""
        count = len(self._ranks) if self._digits else self._width
        return torch.zeros((count, 1 << _DIGIT), dtype=torch.int64)

    def take_in(self, state: torch.Tensor, values: Values) -> None:
        """Count the digits of a tile."""
        bits = 8 * values[0].element_size()
        self._bits = bits
        shift = bits - _DIGIT * (self._digits + 1)
        for operand, value in enumerate(values):
            magnitude = _magnitude_bits(value)
            if not self._digits:
                state[operand] += _histogram(magnitude >> shift)
                continue
            counted: dict[int, torch.Tensor] = {}
            for at, rank in enumerate(self._ranks):
                if rank.operand == operand:
                    known = self._known[at]
                    if known not in counted:
                        alike = magnitude[(magnitude >> (shift + _DIGIT)) == known]
                        counted[known] = _histogram((alike >> shift) & ((1 << _DIGIT) - 1))
                    state[at] += counted[known]

    def end_pass(self, states: Sequence[torch.Tensor]) -> torch.Tensor | None:
        """The next digit of each, or all magnitudes when there is none left."""
        total = _total(states)
        for at, rank in enumerate(self._ranks):
            counts = total[at if self._digits else rank.operand]
            from_largest = counts.flip(0).cumsum(0)
            if not self._digits and not 1 <= rank.rank <= int(from_largest[-1]):
                self._left[at] = 0  # there is no such rank
            if self._left[at] < 1:
                continue
            down = int(torch.searchsorted(from_largest, self._left[at]))
            self._left[at] -= int(from_largest[down - 1]) if down else 0
            self._known[at] = (self._known[at] << _DIGIT) | ((1 << _DIGIT) - 1 - down)
        self._digits += 1
        if self._digits * _DIGIT < self._bits:
            return None
        return torch.tensor([self._magnitude(at) for at in range(len(self._ranks))], dtype=torch.float64)

    def _magnitude(self, at: int) -> float:
        if self._left[at] < 1:
            return math.inf if self._ranks[at].rank < 1 else 0.0
        integer, real = (torch.int64, torch.float64) if self._bits == 64 else (torch.int32, torch.float32)
        return float(torch.tensor(self._known[at], dtype=integer).view(real))


def _magnitude_bits(value: torch.Tensor) -> torch.Tensor:
    integer = torch.int64 if value.dtype is torch.float64 else torch.int32
    return value.view(-1).view(integer) & torch.iinfo(integer).max


def _histogram(digits: torch.Tensor) -> torch.Tensor:
    return torch.bincount(digits, minlength=1 << _DIGIT)


class MeanRows:
    """The mean of the rows: (n, ...) to (1, ...)."""

    def __init__(self, shape: Shape) -> None:
        """Take in rows of a tensor of this shape."""
        self._shape = shape

    def begin(self) -> torch.Tensor:
        """A row of zeros."""
        return torch.zeros((1, *self._shape[1:]), dtype=torch.float64)

    def take_in(self, state: torch.Tensor, values: Values) -> None:
        """Add some rows."""
        for _, block in wide_blocks(values[0]):
            state.add_(block.sum(dim=0, keepdim=True))

    def end_pass(self, states: Sequence[torch.Tensor]) -> torch.Tensor:
        """Their mean."""
        return _total(states).div_(self._shape[0])


# By the primitive's name: what makes a reduction of its attributes and the shape of its operands.
REDUCTIONS: dict[str, Callable[[Attributes, Shape], Reduction]] = {
    "gram": lambda attributes, _: Gram(*attributes),
    "sums": lambda attributes, _: Sums(*attributes),
    "extremes": lambda attributes, _: Extremes(*attributes),
    "kth_magnitudes": lambda attributes, _: KthMagnitudes(*attributes),
    "mean_rows": lambda _, shape: MeanRows(shape),
    "column_gram": lambda attributes, _: ColumnGram(attributes[1]),
}
REDUCTIONS.update({joint: REDUCTIONS[one] for joint, one in JOINT_NAMES.items()})
