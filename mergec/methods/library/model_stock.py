"""Model stock."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Annotated, Any

from mergec.ir.expression import Tensor
from mergec.ir.reductions import gram, row_products, scalars
from mergec.methods.example import Example
from mergec.methods.method import method
from mergec.methods.parameter import Compat
from mergec.methods.pieces.span import added

if TYPE_CHECKING:
    from numpy.typing import NDArray


@method(
    reference="arXiv:2403.19522",
    formula="b + t mean(d_i), t = N c / (1 + (N-1) c), c the mean cosine of the d_i = x_i - b",
    gives="weights",
    needs="weights",
    needs_inputs=2,
    example=Example(
        tensors={"base": [0, 0], "a": [2, 0], "b": [1, 1.7320508]},
        keys={"base": "base", "inputs": ["a", "b"]},
        result=[1, 0.577350],
    ),
)
def model_stock(
    base: Annotated[Tensor, "the model that the others were trained from"],
    inputs: Annotated[list[Tensor], "the fine-tunes"],
    *,
    filter_wise: Annotated[bool, "each row a vector of its own, rather than the tensor"] = False,
    compat: Compat = None,
) -> Tensor:
    """The point between the base and the mean of fine-tunes that is nearest to where they scatter about.

    How far it is from the base follows from the mean cosine of the angles between the fine-tunes'
    differences: all the way to the mean where they point the same way, and not at all where they are at
    right angles, or point apart. A NaN in a tensor makes all of it NaN.

    `compat: mergekit-0.1` goes beyond the base where they point apart, and takes rows along the last axis.
    """
    deltas = [one - base for one in inputs]
    count, as_mergekit = len(deltas), compat is not None
    shape = base.shape
    total = added(deltas)
    if not filter_wise or len(shape) < 2:
        return base + total * scalars(_share, gram(deltas), size=1, constants=(as_mergekit,))[0]
    if as_mergekit:
        deltas = [one.reshape(prod(shape[:-1]), shape[-1]) for one in deltas]
        factor = (*shape[:-1], 1)
    else:
        factor = (shape[0], *(1 for _ in shape[1:]))
    products = row_products(deltas)
    shares = scalars(_shares, products, size=prod(factor), constants=(as_mergekit,))
    assert count == products.shape[1]
    return base + total * shares.reshape(*factor).cast(total.dtype)


def _share(products: NDArray[Any], as_mergekit: bool) -> NDArray[Any]:  # noqa: FBT001  # by position
    return _shares(products[None], as_mergekit)


def _shares(products: NDArray[Any], as_mergekit: bool) -> NDArray[Any]:  # noqa: FBT001  # by position
    """For each set of dot products (sets, N, N) what the sum of the differences is multiplied by: t / N."""
    import numpy as np

    count = products.shape[1]
    norms = np.sqrt(np.einsum("pii->pi", products))
    floor = 1e-6 if as_mergekit else 0.0
    first, second = np.triu_indices(count, 1)
    sizes = norms[:, first] * norms[:, second]
    dots = products[:, first, second]
    cosines = np.where(sizes == 0, 0.0, dots / np.where(sizes < floor, floor, sizes))
    cosine = np.clip(cosines, -1.0, 1.0).mean(axis=1)
    divisor = 1 + (count - 1) * cosine
    shares = cosine / divisor
    if as_mergekit:
        return np.where(np.abs(divisor) < 1e-6, 0.0, shares)
    return np.where(cosine <= 0, 0.0, shares)
