"""Spherical mean of directions."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated, Any

from mergec.ir.expression import Tensor
from mergec.ir.reductions import gram, scalars
from mergec.methods.example import Example
from mergec.methods.method import method
from mergec.methods.parameter import Compat, Constant
from mergec.methods.pieces.span import combination
from mergec.methods.pieces.sparse_merges import weight_sum
from mergec.methods.range import Range

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


@method(
    reference="the weighted mean of unit vectors, put back to the weighted mean of the norms",
    formula="m / ‖m‖ Σ a_i ‖x_i‖, m = Σ a_i x_i / ‖x_i‖",
    gives="as inputs",
    example=Example(
        tensors={"a": [3, 0], "b": [0, 1]},
        keys={"inputs": {"a": 1, "b": 1}},
        result=[1.414214, 1.414214],
    ),
)
def multislerp(
    inputs: Annotated[list[Tensor], "the models"],
    weight: Annotated[list[float], "the weight of each model"],
    base: Annotated[Tensor | None, "a model whose differences from the others are turned instead"] = None,
    *,
    normalize_weights: Annotated[bool, "divide the weights by their sum"] = True,
    eps: Annotated[Constant, "a mean direction shorter than this is none", Range(least=0)] = 1e-8,
    compat: Compat = None,
) -> Tensor:
    """Mean direction of models times their mean norm, each tensor seen as one vector.

    Where the directions cancel, the plain weighted mean is taken. A tensor of zeros has no direction, but
    counts in the mean norm. A NaN in a tensor makes all of it NaN. mergekit's method goes on from the mean
    into the tangent space there; the step that it takes is 0 by construction.
    """
    total = weight_sum(weight, None) if normalize_weights else 1.0
    listed = [(one, share / total) for one, share in zip(inputs, weight, strict=True) if share != 0]
    if not listed:
        return inputs[0] * 0.0
    vectors = [one - base if base is not None else one for one, _ in listed]
    shares = tuple(share for _, share in listed)
    added = eps if compat is not None else 0.0
    found = scalars(_coefficients, gram(vectors), size=len(vectors), constants=(*shares, eps, added))
    point = combination(vectors, found)
    return point if base is None else base + point


def _coefficients(products: NDArray[Any], *constants: float) -> Sequence[float]:
    *shares, eps, added = constants
    count = len(shares)
    norms = [math.sqrt(products[i, i]) if products[i, i] >= 0 else math.nan for i in range(count)]
    units = [
        share / (norm + added) if norm + added != 0 else 0.0
        for share, norm in zip(shares, norms, strict=True)
    ]
    length = math.sqrt(
        max(sum(units[i] * units[j] * products[i, j] for i in range(count) for j in range(count)), 0.0)
    )
    if length < eps:
        return shares
    scale = sum(share * norm for share, norm in zip(shares, norms, strict=True)) / length
    return [unit * scale for unit in units]
