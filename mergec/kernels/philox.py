"""The keys of random sequences."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def key_of(text: str) -> NDArray[np.uint64]:
    """The 128-bit key of Philox-4x64 that stands for a text: sequences of two texts are independent."""
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
    return np.frombuffer(digest[:16], dtype="<u8").astype(np.uint64)
