"""Triple sum."""

from __future__ import annotations

from typing import Annotated

from mergec.ir.expression import Tensor
from mergec.methods.example import Example
from mergec.methods.method import method


@method(
    reference="SuperMerger: Triple sum",
    formula="(1 - α - β) A + α B + β C",
    gives="as inputs",
    example=Example(
        tensors={"a": [4], "b": [8], "c": [0]},
        keys={"a": "a", "b": "b", "c": "c", "alpha": 0.5, "beta": 0.25},
        result=[5],
    ),
)
def triple_sum(
    a: Annotated[Tensor, "the first model"],
    b: Annotated[Tensor, "the second model"],
    c: Annotated[Tensor, "the third model"],
    alpha: Annotated[float, "the share of the second"],
    beta: Annotated[float, "the share of the third"],
) -> Tensor:
    """Weighted sum of three models.

    A model with a share of 0 takes no part. A NaN of any other spreads.
    """
    return a * (1.0 - alpha - beta) + b * alpha + c * beta
