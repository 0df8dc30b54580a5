"""Masks drawn at random that depend on nothing but seed, name and position.

Bits come from the counter-based Philox-4x64-10 generator (Salmon et al., SC 2011). Two neighbours share 32 of
them: the lot of one begins with the upper half and that of the other with the lower, and goes on with what is
left. So each decides to 2^-32, at the price of 16 bits; that the second half of a lot is another's first half
matters to one in 65,536.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mergec.kernels.philox import key_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

# How many elements are drawn at a time.
BLOCK = 1 << 17
_PER_WORD = 4
_PER_COUNTER = 16
_HALF = 1 << 16


def kept_mask(seed: int, name: str, share: float, start: int, count: int) -> NDArray[np.bool_]:
    """Whether elements start to start + count of the sequence of a seed and a name are kept."""
    counter, skipped = divmod(start, _PER_COUNTER)
    generator = np.random.Philox(key=key_of(f"kept:{seed}:{name}"), counter=counter)
    words = generator.random_raw(-(-(skipped + count) // _PER_WORD)).astype("<u8", copy=False)
    halves = words.view("<u2")
    first, second = divmod(_threshold(share), _HALF)
    is_kept = halves < np.uint16(first)
    if second:
        undecided = np.flatnonzero(halves == np.uint16(first))
        is_kept[undecided] = halves[undecided ^ 1] < np.uint16(second)
    return is_kept[skipped : skipped + count]


def _threshold(share: float) -> int:
    """The lots below which is kept: neither none nor all of them."""
    return min(max(round(share * _HALF * _HALF), 1), _HALF * _HALF - 1)
