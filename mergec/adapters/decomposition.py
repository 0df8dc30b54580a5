"""DoRA: weights whose direction an addition changes, and whose length is given."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mergec.adapters.constant import constant
from mergec.adapters.images.module_change import Addition, Computation
from mergec.adapters.images.module_place import rows_of

if TYPE_CHECKING:
    from mergec.adapters.images.module_change import Compute
    from mergec.ir.expression import Tensor


def decomposed(addition: Addition, lengths: Tensor, epsilon: float = 0.0) -> Computation:
    """V * (lengths / (norm + epsilon)) with V = W + addition, the norm being of the base's own W.

    Args:
        addition: what is added, in the shape of the weight (o, i, *k).
        lengths: (o, 1, ..) for the norms of rows, or (1, i, 1, ..) for those of columns.
        epsilon: keeps LyCORIS from dividing by zero; PEFT and diffusers have none.
    """
    value = addition.value * addition.scale if addition.scale != 1.0 else addition.value
    by_row = lengths.shape[0] == value.shape[0]
    compute = _by_row(value, lengths, epsilon) if by_row else _by_column(value, lengths, epsilon)
    return Computation(compute)


def _by_row(value: Tensor, lengths: Tensor, epsilon: float) -> Compute:
    def compute(weight: Tensor, original: Tensor, start: int) -> Tensor:
        count = weight.shape[0]
        mine = rows_of(value, start, count)
        norm = _raised((rows_of(original, start, count) + mine).row_norm(), epsilon)
        return (weight + mine) * (rows_of(lengths, start, count) / norm)

    return compute


def _by_column(value: Tensor, lengths: Tensor, epsilon: float) -> Compute:
    def compute(weight: Tensor, original: Tensor, start: int) -> Tensor:
        exchanged = (1, 0, *range(2, len(value.shape)))
        norm = (original + value).permute(*exchanged).row_norm().permute(*exchanged)
        mine = rows_of(value, start, weight.shape[0])
        return (weight + mine) * (lengths / _raised(norm, epsilon))

    return compute


def _raised(norm: Tensor, epsilon: float) -> Tensor:
    return norm + constant(epsilon, norm) if epsilon else norm
