"""Tensors as matrices, for methods that look at singular values."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mergec.methods.pieces.span import added

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mergec.ir.expression import Tensor


def is_matrix(tensor: Tensor) -> bool:
    """Whether a tensor has singular values: convolutions do, as (out, in * kernel); vectors do not."""
    return len(tensor.shape) > 1 and 0 not in tensor.shape


def upright(matrix: Tensor) -> Tensor:
    """The matrix, turned if it has more columns than rows: Gram matrices are of the shorter side."""
    rows, columns = matrix.shape
    return matrix if rows >= columns else matrix.transposed


def merged_as_matrices(
    terms: Sequence[Tensor], merge: Callable[[Sequence[Tensor]], Tensor], *, turns: bool = True
) -> Tensor:
    """What a function makes of differences as matrices, in their shape; vectors are averaged instead.

    With `turns` the function is given matrices that have at least as many rows as columns.
    """
    first = terms[0]
    if not is_matrix(first):
        return added(terms) / len(terms)
    flat = [term.flattened() for term in terms]
    if not turns or flat[0].shape[0] >= flat[0].shape[1]:
        return merge(flat).reshape(*first.shape)
    return merge([matrix.transposed for matrix in flat]).transposed.reshape(*first.shape)
