"""Magnitudes by rank, found by counting."""

from __future__ import annotations

import math
import threading
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch

from mergec.ir.reduction_primitives import COUNTED_AT_ONCE
from mergec.kernels.stream_states import total
from mergec.kernels.together import together

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from mergec.ir.reduction_primitives import Rank

    Values = Sequence[torch.Tensor]

_DIGIT = 16  # bits that one pass tells


class _Work(NamedTuple):
    """What counting takes for a part of an operand: its magnitudes, and what is found out of them."""

    magnitudes: torch.Tensor
    beginnings: torch.Tensor
    is_alike: torch.Tensor


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
        self._of_thread = threading.local()

    def begin(self) -> torch.Tensor:
        """No counts; one histogram per rank, or in the first pass per operand, of which all is counted.

        Behind the histogram is the number of elements that are not 0.
        """
        count = len(self._ranks) if self._digits else self._width
        return torch.zeros((count, (1 << _DIGIT) + 1), dtype=torch.int64)

    def take_in(self, state: torch.Tensor, values: Values) -> None:
        """Count the digits of a tile."""
        dtype = torch.int64 if values[0].element_size() == 8 else torch.int32
        self._bits = torch.iinfo(dtype).bits
        shift = self._bits - _DIGIT * (self._digits + 1)
        for parts in together(values, COUNTED_AT_ONCE):
            work = self._work(dtype, len(parts[0]))
            for operand, part in enumerate(parts):
                torch.bitwise_and(part.view(dtype), torch.iinfo(dtype).max, out=work.magnitudes)
                if self._digits:
                    self._count_those_alike(state, operand, work, shift)
                else:
                    self._count_all(state[operand], work.magnitudes, shift)

    def _count_all(self, counts: torch.Tensor, magnitudes: torch.Tensor, shift: int) -> None:
        """Count the first digits of an operand."""
        if self._counts_shares:
            counts[-1] += torch.count_nonzero(magnitudes)
        counts[:-1] += _histogram(magnitudes.bitwise_right_shift_(shift))

    def _count_those_alike(self, state: torch.Tensor, operand: int, work: _Work, shift: int) -> None:
        """Count the next digits of what begins as a value that is sought of the operand."""
        torch.bitwise_right_shift(work.magnitudes, shift + _DIGIT, out=work.beginnings)
        counted: dict[int, torch.Tensor] = {}
        for at, rank in enumerate(self._ranks):
            if rank.operand == operand:
                known = self._known[at]
                if known not in counted:
                    # NumPy compares six times as fast, and torch would number what is chosen in 64 bits.
                    np.equal(work.beginnings.numpy(), known, out=work.is_alike.numpy())
                    alike = torch.from_numpy(work.magnitudes.numpy()[work.is_alike.numpy()])
                    digits = alike.bitwise_right_shift_(shift).bitwise_and_((1 << _DIGIT) - 1)
                    counted[known] = _histogram(digits)
                state[at, :-1] += counted[known]

    def _work(self, dtype: torch.dtype, count: int) -> _Work:
        """Where so many values are counted: memory that this thread keeps.

        What is taken and given back for every tile leaves holes in the heap, which grows to several times
        what is in use.
        """
        kept: _Work | None = getattr(self._of_thread, "work", None)
        if kept is None:
            kept = self._of_thread.work = _Work(
                torch.empty(COUNTED_AT_ONCE, dtype=dtype),
                torch.empty(COUNTED_AT_ONCE, dtype=dtype),
                torch.empty(COUNTED_AT_ONCE, dtype=torch.bool),
            )
        return _Work(*(whole[:count] for whole in kept))

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
            counts = counted[rank.operand]
            if rank.share:
                self._left[at] = int(rank.share * int(counts[-1]))
            if self._left[at] < 1:
                self._found[at] = math.inf
            elif self._left[at] > int(counts[:-1].sum()):
                self._found[at] = 0.0


def _histogram(digits: torch.Tensor) -> torch.Tensor:
    return torch.bincount(digits, minlength=1 << _DIGIT)
