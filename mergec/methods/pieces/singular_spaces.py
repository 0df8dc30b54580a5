"""Differences merged by their singular vectors. All matrices have at least as many rows as columns."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from mergec.adapters.constant import constant
from mergec.ir.dtype import DType
from mergec.ir.expression import concatenated
from mergec.ir.spectral import column_gram, held, orthogonalised, spectral_matrix, spectrum
from mergec.ir.spectral_primitives import Kept
from mergec.methods.pieces.span import added

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mergec.ir.expression import Tensor


class Directions(NamedTuple):
    """Singular vectors as columns, (m, r) and (n, r), and the singular values (1, r)."""

    left: Tensor
    values: Tensor
    right: Tensor


def isotropic(matrix: Tensor) -> Tensor:
    """The matrix with all its singular values set to their mean; those of 0 stay."""
    return matrix @ spectral_matrix(column_gram([matrix]), "isotropic")


def task_singular_vectors(matrices: Sequence[Tensor]) -> Tensor:
    """The largest singular directions of each matrix, all of them made orthogonal to each other.

    Of T matrices each gives 1/T of the directions that there are, at least one.
    """
    count = max(matrices[0].shape[1] // len(matrices), 1)
    directions = [_directions(matrix, column_gram([matrix]), count) for matrix in matrices]
    left, values, right = _joined(directions)
    return held((orthogonalised(left) * values) @ orthogonalised(right).transposed)


def common_and_task_spaces(matrices: Sequence[Tensor], share: float, *, turned: bool) -> Tensor:
    """The directions of the sum, and of each matrix those that the sum lacks, all with the mean value.

    The share of the directions that is the sum's is rounded so that the others are as many for each
    matrix. `turned`: the matrices are transposed, and what is common is taken from their columns' side.
    """
    total = added(matrices)
    common, each = _counts(total.shape[1], len(matrices), share)
    found: list[Directions] = []
    if common:
        found = [_directions(total, column_gram([total]), common)]
    if each and found:
        rests = [_without(matrix, found[0], turned=turned) for matrix in matrices]
        found = [*(_directions(rest, rest.transposed @ rest, each) for rest in rests), *found]
    elif each:
        found = [_directions(matrix, column_gram([matrix]), each) for matrix in matrices]
    left, values, right = _joined(found)
    count = values.shape[1]
    mean = values @ constant(1.0 / count, values, (count, 1))
    return held((orthogonalised(left) * mean) @ orthogonalised(right).transposed)


def _counts(directions: int, models: int, share: float) -> tuple[int, int]:
    """How many directions the sum has, and each of the models."""
    each = min(round((directions - int(directions * share)) / models), directions // models)
    return directions - each * models, each


def _directions(matrix: Tensor, gram: Tensor, count: int) -> Directions:
    right, values, inverses = spectrum(gram, Kept(count))
    return Directions(matrix @ (right * inverses), values, right)


def _without(matrix: Tensor, common: Directions, *, turned: bool) -> Tensor:
    """The matrix without what lies in the common directions of its outputs."""
    wide = matrix.cast(DType.F64)
    if turned:
        return wide - (wide @ common.right) @ common.right.transposed
    return wide - common.left @ (common.left.transposed @ wide)


def _joined(directions: Sequence[Directions]) -> Directions:
    left, values, right = zip(*directions, strict=True)
    return Directions(concatenated(left, 1), concatenated(values, 1), concatenated(right, 1))
