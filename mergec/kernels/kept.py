"""Masks drawn at random that depend on nothing but seed, name and position.

Bits come from the counter-based Philox-4x64-10 generator (Salmon et al., SC 2011). Two neighbours share 32 of
them: the lot of one begins with the upper half and that of the other with the lower, and goes on with what is
left. So each decides to 2^-32, at the price of 16 bits; that the second half of a lot is another's first half
matters to one in 65,536.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mergec.kernels.philox import key_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

# How many elements are drawn at a time: what that takes is small enough to stay in the heap.
PART = 1 << 15
_PER_WORD = 4
_PER_COUNTER = 16
_HALF = 1 << 16


def keep(out: NDArray[Any], seed: int, name: str, share: float, start: int) -> None:
    """Whether elements of the sequence of a seed and a name are kept, from `start` on: 1 or 0 in `out`."""
    counter, skipped = divmod(start, _PER_COUNTER)
    generator = np.random.Philox(key=key_of(f"kept:{seed}:{name}"), counter=counter)
    first, second = divmod(round(share * _HALF * _HALF), _HALF)
    while out.size:
        count = min(PART - skipped, out.size)
        words = generator.random_raw(-(-(skipped + count) // _PER_WORD)).astype("<u8", copy=False)
        out[:count] = _below(words.view("<u2"), first, second)[skipped : skipped + count]
        out, skipped = out[count:], 0


def _below(halves: NDArray[np.uint16], first: int, second: int) -> NDArray[np.bool_]:
    """Whether lots are below a threshold of two halves."""
    is_below = halves < first
    if second:
        undecided = np.flatnonzero(halves == first)
        is_below[undecided] = halves[undecided ^ 1] < second
    return is_below
