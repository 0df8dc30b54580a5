"""Singular values and vectors of symbolic matrices. `spectral_primitives` says how they are found."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

from mergec.ir.dtype import DType
from mergec.ir.spectral_primitives import (
    COLUMN_GRAM,
    HELD,
    ORTHOGONALISED,
    PRINCIPAL,
    SPECTRAL_MATRIX,
    SPECTRUM,
    Kept,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mergec.ir.expression import Tensor
    from mergec.ir.primitive import Primitive

Function = Literal["projection", "whitening", "isotropic"]


class Spectrum(NamedTuple):
    """Of a matrix X (m, n): right singular vectors (n, r), singular values and their inverses, (1, r) each.

    What is not kept, or is zero, has columns of zeros and the inverse 0.
    """

    vectors: Tensor
    values: Tensor
    inverses: Tensor


def column_gram(matrices: Sequence[Tensor]) -> Tensor:
    """X^T X of matrices of as many rows put side by side, in float64: (n, n)."""
    first, *others = matrices
    columns = sum(one.shape[1] for one in matrices)
    return first._apply(COLUMN_GRAM, *others, attributes=(len(matrices), columns))  # noqa: SLF001


def spectrum(gram: Tensor, kept: Kept) -> Spectrum:
    """What is kept of the decomposition of the matrix whose Gram matrix this is."""
    side = gram.shape[0]
    found = _of(gram, SPECTRUM, kept)
    return Spectrum(found.part(0, 0, side), found.part(0, side, side + 1), found.part(0, side + 1, side + 2))


def principal(gram: Tensor, kept: Kept) -> Tensor:
    """The right singular vectors that are kept, as columns (n, rank); of what is not, zeros."""
    return _of(gram, PRINCIPAL, kept)


def spectral_matrix(gram: Tensor, function: Function, kept: Kept | None = None) -> Tensor:
    """V f(S) V^T (n, n), over all singular values or those that are kept."""
    every = Kept(gram.shape[0])
    return gram._apply(SPECTRAL_MATRIX, attributes=(kept or every, function))  # noqa: SLF001


def orthogonalised(matrix: Tensor) -> Tensor:
    """The matrix with all its singular values set to 1, held whole in float64; those of 0 stay."""
    return matrix.cast(DType.F64)._apply(ORTHOGONALISED)  # noqa: SLF001


def held(tensor: Tensor) -> Tensor:
    """The same values. All that they are made of is computed whole and once, rather than streamed.

    For what would otherwise be computed anew for each of its uses in an expression.
    """
    return tensor._apply(HELD)  # noqa: SLF001


def _of(gram: Tensor, primitive: Primitive, kept: Kept) -> Tensor:
    return gram._apply(primitive, attributes=(kept,))  # noqa: SLF001
