"""Weighted subtraction."""

from __future__ import annotations

from typing import Annotated

from mergec.ir.expression import Tensor
from mergec.methods.example import Example
from mergec.methods.method import MethodError, method


@method(
    reference="sd-meh: weighted_subtraction",
    formula="(A - αβ B) / (1 - αβ)",
    gives="as inputs",
    example=Example(
        tensors={"a": [3], "b": [5]},
        keys={"a": "a", "b": "b", "alpha": 0.5, "beta": 1},
        result=[1],
    ),
)
def weighted_subtraction(
    a: Annotated[Tensor, "the model that is a weighted sum"],
    b: Annotated[Tensor, "what was mixed in"],
    alpha: Annotated[float, "its share"],
    beta: Annotated[float, "a factor of the share"] = 1.0,
) -> Tensor:
    """A weighted sum undone: what was mixed with `b` to give `a`.

    A NaN spreads.
    """
    share = alpha * beta
    if share == 1.0:
        raise MethodError("`alpha` times `beta` is 1: nothing but `b` is in `a`")
    return (a - b * share) / (1.0 - share)
