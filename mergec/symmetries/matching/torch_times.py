"""Products by torch's oneDNN: float32 with all of the width of the vectors, and bfloat16.

MKL, by which torch multiplies matrices otherwise, takes half of the width on processors that are not Intel's.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch.nn.functional import linear

from mergec.symmetries.matching.times import IN_NUMPY, ROWS

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Array = NDArray[Any]

LEAST = 1 << 12
"""Elements of a matrix for which the call is worth it."""
ERRORS = {torch.bfloat16: 2.0**-6, torch.float32: 2.0**-20}


class InTorch:
    """Products of float32 by oneDNN where the processor has wide vectors; rough ones in its fewest digits."""

    def __init__(self) -> None:
        """Choose by what the processor has."""
        self.dtype = least_dtype()
        self.error = ERRORS[self.dtype]

    def exactly(self, right: Array) -> Callable[[Array], Array]:
        """As `Times` has it."""
        if right.dtype != np.float32 or right.size < LEAST or not _is_wide():
            return IN_NUMPY.exactly(right)
        packed = torch.from_numpy(right).to_mkldnn()

        def multiply(left: Array) -> Array:
            found = linear(torch.from_numpy(left).to_mkldnn(), packed)
            dense: Array = found.to_dense().numpy()
            return dense

        return multiply

    def empty(self, shape: tuple[int, int]) -> torch.Tensor:
        """As `Times` has it."""
        return torch.empty(shape, dtype=self.dtype)

    def rounded(self, values: Array) -> torch.Tensor:
        """As `Times` has it."""
        return torch.from_numpy(values).to(self.dtype)

    def squares(self, factor: torch.Tensor) -> Array:
        """As `Times` has it; `vector_norm` takes ten times as long where rows lie across memory."""
        if factor.is_contiguous():
            found = torch.cat([some.float().square().sum(1) for some in torch.split(factor, ROWS)])
        else:
            parts = [some.float().square().sum(0) for some in torch.split(factor.T, ROWS)]
            found = torch.stack(parts).sum(0)
        own: Array = found.numpy()
        return own

    def roughly(self, right: torch.Tensor) -> Callable[[Array, torch.Tensor, float], None]:
        """As `Times` has it."""
        packed = right.to_mkldnn() if _has_onednn() and right.numel() >= LEAST else right

        def add(out: Array, left: torch.Tensor, weight: float) -> None:
            found = linear(left.to_mkldnn(), packed).to_dense() if packed.is_mkldnn else left @ packed.T
            torch.from_numpy(out).add_(found, alpha=weight)

        return add


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
