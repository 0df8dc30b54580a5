"""Low-rank changes in the small space that their factors span."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from mergec.ir.expression import concatenated
from mergec.ir.spectral import column_gram, spectrum
from mergec.ir.spectral_primitives import Kept

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mergec.ir.expression import Tensor


class Product(NamedTuple):
    """A change as `left` (m, r) times `right` (r, n)."""

    left: Tensor
    right: Tensor


class CoreSpace(NamedTuple):
    """Changes as matrices between the singular vectors of all their factors: `cores` (k, l) each.

    Both are the sum of all ranks, or the sides of the changes where these are shorter. `left` (m, k) and
    `right` (l, n) bring such a matrix back.
    """

    cores: tuple[Tensor, ...]
    left: Tensor
    right: Tensor

    def restored(self, core: Tensor) -> Tensor:
        """The change (m, n) that a core stands for."""
        return self.left @ (core @ self.right)


def core_space(products: Sequence[Product]) -> CoreSpace:
    """The space of the left singular vectors of [B_1 B_2 ...] and the right ones of [A_1; A_2; ...].

    Both come from Gram matrices of all factors' columns, which are small: no change is ever made whole.
    """
    rights = [product.right.transposed for product in products]
    left_gram = column_gram([product.left for product in products])
    right_gram = column_gram(rights)
    to_left = _basis(left_gram, products[0].left.shape[0])
    to_right = _basis(right_gram, rights[0].shape[0])
    cores = tuple(
        (to_left.transposed @ left_gram.part(1, start, stop)) @ (right_gram.part(0, start, stop) @ to_right)
        for start, stop in _spans(products)
    )
    left = concatenated([product.left for product in products], 1)
    right = concatenated([product.right for product in products], 0)
    return CoreSpace(cores, left @ to_left, to_right.transposed @ right)


def _basis(gram: Tensor, height: int) -> Tensor:
    """What makes the singular vectors of columns of so many rows: V / S."""
    vectors, _, inverses = spectrum(gram, Kept(min(gram.shape[0], height)))
    return vectors * inverses


def _spans(products: Sequence[Product]) -> Iterator[tuple[int, int]]:
    start = 0
    for product in products:
        stop = start + product.right.shape[0]
        yield start, stop
        start = stop
