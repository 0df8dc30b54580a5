"""Sum twice."""

from __future__ import annotations

from typing import Annotated

from mergec.ir.expression import Tensor
from mergec.methods.example import Example
from mergec.methods.method import method


@method(
    reference="SuperMerger: sum Twice",
    formula="(1 - β) ((1 - α) A + α B) + β C",
    gives="as inputs",
    example=Example(
        tensors={"a": [4], "b": [8], "c": [0]},
        keys={"a": "a", "b": "b", "c": "c", "alpha": 0.5, "beta": 0.25},
        result=[4.5],
    ),
)
def sum_twice(
    a: Annotated[Tensor, "the first model"],
    b: Annotated[Tensor, "the second model"],
    c: Annotated[Tensor, "the third model"],
    alpha: Annotated[float, "the share of the second in the first two"],
    beta: Annotated[float, "the share of the third"],
) -> Tensor:
    """Weighted sum of two models, and of that and a third, computed as one sum.

    A model with a share of 0 takes no part. A NaN of any other spreads.
    """
    return a * ((1.0 - beta) * (1.0 - alpha)) + b * ((1.0 - beta) * alpha) + c * beta
