"""DoRA: weights whose direction an addition changes, and whose length is given."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mergec.adapters.formulas import column_norms, rescaled
from mergec.adapters.images.module_change import Addition, Computation
from mergec.adapters.images.module_place import rows_of

if TYPE_CHECKING:
    from mergec.ir.expression import Tensor


def decomposed(addition: Addition, lengths: Tensor, *, by_row: bool, epsilon: float = 0.0) -> Computation:
    """The weight with an addition, its rows or its columns made as long as given.

    Args:
        addition: what is added, in the shape of the weight (o, i, *k).
        lengths: (o, 1, ..) for the norms of rows, or (1, i, 1, ..) for those of columns.
        by_row: which of the two.
        epsilon: is added to the norms.
    """
    value = addition.value * addition.scale if addition.scale != 1.0 else addition.value

    def compute(weight: Tensor, original: Tensor, start: int) -> Tensor:
        count = weight.shape[0]
        mine = rows_of(value, start, count)
        if not by_row:
            return rescaled(weight + mine, lengths, column_norms(original + value), epsilon)
        norms = (rows_of(original, start, count) + mine).row_norm()
        return rescaled(weight + mine, rows_of(lengths, start, count), norms, epsilon)

    return Computation(compute)
