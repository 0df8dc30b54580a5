"""Matrices seen along the left singular vectors that they have side by side."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from operator import add
from typing import TYPE_CHECKING

from mergec.ir.spectral import column_gram, principal, spectrum
from mergec.ir.spectral_primitives import Kept

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mergec.ir.expression import Tensor


@dataclass(frozen=True, slots=True)
class AlignedSpace:
    """U^T X_i (r, n) for matrices X_i (m, n), where U S V^T = [X_1 X_2 ...].

    `basis` is U (m, r); where it would be too tall, `rows` are the matrices by which it is made:
    U = sum of X_i @ rows_i.
    """

    parts: tuple[Tensor, ...]
    matrices: tuple[Tensor, ...]
    basis: Tensor | None
    rows: tuple[Tensor, ...] = ()

    def restored(self, part: Tensor) -> Tensor:
        """U times a matrix (r, n)."""
        if self.basis is not None:
            return self.basis @ part
        terms = [matrix @ (rows @ part) for matrix, rows in zip(self.matrices, self.rows, strict=True)]
        return reduce(add, terms)


def aligned(matrices: Sequence[Tensor], rank: int) -> AlignedSpace:
    """The matrices along at most `rank` columns of U, found from whichever Gram matrix is smaller."""
    height, width = matrices[0].shape
    if height <= width * len(matrices):
        turned = [matrix.transposed for matrix in matrices]
        gram = reduce(add, (column_gram([matrix]) for matrix in turned))
        basis = principal(gram, Kept(min(rank, height)))
        return AlignedSpace(tuple((matrix @ basis).transposed for matrix in turned), tuple(matrices), basis)
    gram = column_gram(matrices)
    vectors, _, inverses = spectrum(gram, Kept(min(rank, gram.shape[0])))
    held_by = vectors * inverses
    starts = range(0, width * len(matrices), width)
    # Made of the Gram matrix, what has not changed at all stays exactly 0, and elects no sign.
    parts = ((gram.part(0, start, start + width) @ held_by).transposed for start in starts)
    rows = (held_by.part(0, start, start + width) for start in starts)
    return AlignedSpace(tuple(parts), tuple(matrices), None, tuple(rows))
