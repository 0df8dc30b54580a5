"""Magnitudes by rank, found by counting."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch

from mergec.kernels.stream_states import total

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from mergec.ir.reduction_primitives import Rank

    Values = Sequence[torch.Tensor]

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
        self._found: dict[int, float] = {}
        self._counts_shares = any(rank.share for rank in ranks)
        self._digits = 0
        self._bits = 0  # of a magnitude; 0 before the first tile

    def begin(self) -> torch.Tensor:
        """No counts; one histogram per rank, or in the first pass per operand, of which all is counted.

        Behind the histogram is the number of elements that are not 0.
        """
        count = len(self._ranks) if self._digits else self._width
        return torch.zeros((count, (1 << _DIGIT) + 1), dtype=torch.int64)

    def take_in(self, state: torch.Tensor, values: Values) -> None:
        """Count the digits of a tile."""
        bits = 8 * values[0].element_size()
        self._bits = bits
        shift = bits - _DIGIT * (self._digits + 1)
        for operand, value in enumerate(values):
            magnitude = _magnitude_bits(value)
            if not self._digits:
                state[operand, :-1] += _histogram(magnitude >> shift)
                if self._counts_shares:
                    state[operand, -1] += torch.count_nonzero(magnitude)
                continue
            counted: dict[int, torch.Tensor] = {}
            for at, rank in enumerate(self._ranks):
                if rank.operand == operand:
                    known = self._known[at]
                    if known not in counted:
                        alike = magnitude[(magnitude >> (shift + _DIGIT)) == known]
                        counted[known] = _histogram((alike >> shift) & ((1 << _DIGIT) - 1))
                    state[at, :-1] += counted[known]

    def end_pass(self, states: Iterable[torch.Tensor]) -> torch.Tensor | None:
        """The next digit of each, or all magnitudes when there is none left."""
        counted = total(states)
        if not self._digits:
            self._settle_ranks(counted)
        for at, rank in enumerate(self._ranks):
            if at not in self._found:
                from_largest = counted[at if self._digits else rank.operand, :-1].flip(0).cumsum(0)
                down = int(torch.searchsorted(from_largest, self._left[at]))
                self._left[at] -= int(from_largest[down - 1]) if down else 0
                self._known[at] = (self._known[at] << _DIGIT) | ((1 << _DIGIT) - 1 - down)
        self._digits += 1
        if self._digits * _DIGIT < self._bits:
            return None
        integer, real = (torch.int64, torch.float64) if self._bits == 64 else (torch.int32, torch.float32)
        for at, bits in enumerate(self._known):
            self._found.setdefault(at, float(torch.tensor(bits, dtype=integer).view(real)))
        return torch.tensor([self._found[at] for at in range(len(self._ranks))], dtype=torch.float64)

    def _settle_ranks(self, counted: torch.Tensor) -> None:
        """Ranks that are shares, now that all is counted; and what is known of those that are no ranks."""
        for at, rank in enumerate(self._ranks):
            *counts, others = counted[rank.operand].tolist()
            if rank.share:
                self._left[at] = int(rank.share * others)
            if self._left[at] < 1:
                self._found[at] = math.inf
            elif self._left[at] > sum(counts):
                self._found[at] = 0.0


def _magnitude_bits(value: torch.Tensor) -> torch.Tensor:
    integer = torch.int64 if value.dtype is torch.float64 else torch.int32
    return value.view(-1).view(integer) & torch.iinfo(integer).max


def _histogram(digits: torch.Tensor) -> torch.Tensor:
    return torch.bincount(digits, minlength=1 << _DIGIT)
