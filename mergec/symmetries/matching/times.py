"""Products of matrices with the transposes of others: by NumPy, or by torch where they are so many.

Loading torch takes as long as the products of models of a hundred million weights do. What it has beyond
NumPy is worth that for larger ones: bfloat16, and a library that takes all of the width of the vectors.
"""

from __future__ import annotations

from contextlib import contextmanager
from math import prod
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from threadpoolctl import threadpool_limits

from mergec.symmetries.matching.cluster import clusters_of
from mergec.symmetries.matching.part import parts_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

    from mergec.ir.symmetry import Symmetry
    from mergec.symmetries.matching.cluster import Cluster

    Array = NDArray[Any]

MANY = 1 << 37
"""Multiplications of all units with all others, from which on the products are torch's."""
ROWS = 64
"""Of a factor whose squares are added up at once."""


class Times(Protocol):
    """How products are made. Few digits are for products that tell which others are wanted."""

    error: float
    """Of products in few digits, relative to the norms: of rounding both factors, the product, the norms."""

    def exactly(self, right: Array) -> Callable[[Array], Array]:
        """What multiplies matrices (any, width) with the transpose of one of (rows, width) and its dtype."""

    def empty(self, shape: tuple[int, int]) -> Any:  # noqa: ANN401 - its own kind of matrix
        """A matrix in few digits, which takes slices of rows to be set."""

    def rounded(self, values: Array) -> Any:  # noqa: ANN401
        """Values in few digits, of which rows can be set in such a matrix; they may share its memory."""

    def squares(self, factor: Any) -> Array:  # noqa: ANN401
        """Of the norms of the rows of a matrix in few digits."""

    def roughly(self, right: Any) -> Callable[[Array, Any, float], None]:  # noqa: ANN401
        """What adds to a block the product of a matrix with the transpose of `right`, times a number."""


class InNumpy:
    """Products in the precision of what is multiplied, the rough ones in float32."""

    error = 2.0**-20

    def exactly(self, right: Array) -> Callable[[Array], Array]:
        """As `Times` has it."""
        other = _in_rows(right).T
        return lambda left: np.matmul(_in_rows(left), other)

    def empty(self, shape: tuple[int, int]) -> Array:
        """As `Times` has it."""
        return np.empty(shape, np.float32)

    def rounded(self, values: Array) -> Array:
        """As `Times` has it."""
        return values.astype(np.float32, copy=False)

    def squares(self, factor: Array) -> Array:
        """As `Times` has it."""
        return squares(factor)

    def roughly(self, right: Array) -> Callable[[Array, Array, float], None]:
        """As `Times` has it."""
        times = self.exactly(right)

        def add(out: Array, left: Array, weight: float) -> None:
            product = times(left)
            if weight != 1:
                product *= weight
            out += product

        return add


IN_NUMPY = InNumpy()


def squares(factor: Array) -> Array:
    """Of the norms of the rows of a matrix, whichever way it lies in memory; in float32."""
    units, lines = factor.shape
    if factor.flags.c_contiguous:
        stretches = [factor[i : i + ROWS] for i in range(0, units, ROWS)]
        return np.concatenate([np.square(some, dtype=np.float32).sum(axis=1) for some in stretches])
    stretches = [factor[:, i : i + ROWS] for i in range(0, lines, ROWS)]
    found: Array = np.stack([np.square(some, dtype=np.float32).sum(axis=1) for some in stretches]).sum(axis=0)
    return found


def repays_torch(symmetry: Symmetry) -> bool:
    """Whether the products of two models are so many that it takes less time to load torch for them."""
    return _products(symmetry, clusters_of(symmetry, parts_of(symmetry))) >= MANY


def times_for(symmetry: Symmetry) -> Times:
    """How the products of two models are made. It depends on their sizes alone."""
    if not repays_torch(symmetry):
        return IN_NUMPY
    from mergec.symmetries.matching.torch_times import InTorch

    return InTorch()


def _products(symmetry: Symmetry, clusters: Sequence[Cluster]) -> int:
    """How many multiplications it takes to multiply all units with all others, once."""
    return sum(
        prod(symmetry.groups[group].size for group in term.signature) * term.view.height * term.view.width
        for cluster in clusters
        for term in cluster.terms
    )


@contextmanager
def one_thread_of_numpy() -> Iterator[None]:
    """NumPy without threads of its own: the workers are the parallelism, and sums keep their order."""
    with threadpool_limits(1, user_api="blas"):
        yield


def _in_rows(matrix: Array) -> Array:
    """The matrix in an order that the library multiplies: one row after another, or one column."""
    return matrix if matrix.itemsize in matrix.strides else np.ascontiguousarray(matrix)
