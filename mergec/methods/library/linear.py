"""Weighted sum."""

from __future__ import annotations

import math
from typing import Annotated

from mergec.ir.expression import Tensor
from mergec.methods.example import Example
from mergec.methods.method import MethodError, method


@method(
    reference="arXiv:2203.05482",
    formula="Σ w_i x_i",
    gives="weighted sum",
    example=Example(
        tensors={"a": [1, 2], "b": [3, 6]},
        keys={"inputs": {"a": {"weight": 0.25}, "b": {"weight": "rest"}}},
        result=[2.5, 5],
    ),
)
def linear(
    inputs: Annotated[list[Tensor], "the models to mix"],
    weight: Annotated[list[float], "the share of each model; `rest` is 1 minus the others"],
    *,
    normalize: Annotated[bool, "divide the weights by their sum, tensor by tensor"] = False,
) -> Tensor:
    """Weighted sum of models: w_1 x_1 + w_2 x_2 + ...

    Terms are added in the order of `inputs`, each multiplied and added in float32 (float64 where an
    input is float64) and rounded once when written. A model of weight 0 for a tensor takes no part in it
    and is not read; a NaN in another one stays a NaN. Without `normalize` the weights of every tensor must
    sum to 1, unless `allow_scaling: true` says that the sum is meant to be another, or an input is a delta.
    """
    try:
        total = math.fsum(weight) if normalize else 1.0
    except OverflowError:
        raise MethodError("the weights are too large to be summed") from None
    if total == 0:
        raise MethodError("the weights sum to 0 and cannot be normalised")
    result: Tensor | None = None
    for tensor, share in zip(inputs, weight, strict=True):
        factor = share / total
        if not math.isfinite(factor):
            raise MethodError("the weights almost cancel, so that normalised ones are too large")
        term = tensor * factor
        result = term if result is None else result + term
    if result is None:
        raise MethodError("there is nothing to sum")
    return result
