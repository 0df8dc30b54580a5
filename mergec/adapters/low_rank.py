"""The change of a matrix as the product of two thin ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from mergec.ir.spectral import column_gram, principal

if TYPE_CHECKING:
    from mergec.ir.expression import Tensor
    from mergec.ir.spectral_primitives import Kept


class Factors(NamedTuple):
    """`up` (o, r) times `down` (r, i)."""

    down: Tensor
    up: Tensor


def low_rank_factors(change: Tensor, kept: Kept) -> Factors:
    """The best approximation of a matrix (o, i) of this rank: in the sum of squares, and in every such norm.

    One factor has orthonormal rows or columns, those singular vectors of the change that are as long as its
    shorter side; the other is the change seen along them, and bears its singular values. The change is read
    twice and never held whole. Rows and columns of what is not kept are zero.
    """
    rows, columns = change.shape
    if rows >= columns:
        vectors = principal(column_gram([change]), kept)
        return Factors(vectors.transposed, change @ vectors)
    turned = change.transposed
    vectors = principal(column_gram([turned]), kept)
    return Factors((turned @ vectors).transposed, vectors)
