"""Uniform random values that depend on nothing but seed, name and position.

Bits come from the counter-based Philox-4x64-10 generator (Salmon et al., SC 2011). A counter makes four
words of 64 bits, and each half of a word one value of 24 bits, as many as a float32 can hold evenly.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mergec.kernels.philox import key_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

# How many values are drawn at a time.
BLOCK = 1 << 16
_PER_COUNTER = 8
_SPARE_BITS = np.uint32(8)
_STEP = np.float32(2.0**-24)


def uniform_values(seed: int, name: str, start: int, count: int) -> NDArray[np.float32]:
    """Elements start to start + count of the sequence of a seed and a name."""
    counter, skipped = divmod(start, _PER_COUNTER)
    generator = np.random.Philox(key=key_of(f"uniform:{seed}:{name}"), counter=counter)
    words = generator.random_raw(-(-(skipped + count) // 2)).astype("<u8", copy=False)
    bits = words.view("<u4")[skipped : skipped + count]
    np.right_shift(bits, _SPARE_BITS, out=bits)
    values = bits.view(np.int32).astype(np.float32)
    return np.multiply(values, _STEP, out=values)
