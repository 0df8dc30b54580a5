"""Products of matrices with the transposes of others, in the precision that they come in.

Torch multiplies float32 matrices by MKL, which takes half of the width of the vectors of processors that are
not Intel's. oneDNN, which torch has for layers of networks, takes all of it.
"""

from __future__ import annotations

from functools import cache

import torch
from torch.nn.functional import linear

LEAST = 1 << 12
"""Elements of a matrix for which the call is worth it."""


class TimesTransposed:
    """What matrices (any, width) are multiplied with: the transpose of one of (rows, width)."""

    def __init__(self, right: torch.Tensor) -> None:
        """Takes a copy of the matrix where oneDNN is to multiply it."""
        is_float32 = right.dtype == torch.float32
        self.right = right.to_mkldnn() if is_float32 and right.numel() >= LEAST and _is_wide() else right

    def __call__(self, left: torch.Tensor) -> torch.Tensor:
        """The product, (rows of left, rows of right); both are of one dtype."""
        if self.right.is_mkldnn:
            return linear(left.to_mkldnn(), self.right).to_dense()
        return left @ self.right.T


@cache
def least_dtype() -> torch.dtype:
    """The type with the fewest digits of those whose products cost least."""
    has_few = _has_onednn() and torch.cpu.get_capabilities().get("avx512_bf16", False)
    return torch.bfloat16 if has_few else torch.float32


@cache
def _is_wide() -> bool:
    return _has_onednn() and torch.backends.cpu.get_cpu_capability() == "AVX512"


def _has_onednn() -> bool:
    return bool(torch.backends.mkldnn.is_available())  # type: ignore[no-untyped-call]
