"""Add difference."""

from __future__ import annotations

from typing import Annotated

from mergec.ir.expression import Tensor
from mergec.methods.example import Example
from mergec.methods.method import method


@method(
    reference="AUTOMATIC1111, checkpoint merger: Add difference",
    formula="A + α (B - C)",
    gives="weights",
    needs="weights",
    example=Example(
        tensors={"a": [1, 1], "b": [3, 2], "c": [1, 1]},
        keys={"a": "a", "b": "b", "c": "c", "alpha": 0.5},
        result=[2, 1.5],
    ),
)
def add_difference(
    a: Annotated[Tensor, "the model to change"],
    b: Annotated[Tensor, "the model whose style is added"],
    c: Annotated[Tensor, "what `b` was trained from"],
    alpha: Annotated[float, "how much of it"] = 1.0,
) -> Tensor:
    """A model plus what another learnt.

    An `alpha` of 0 gives the bytes of `a`. A NaN spreads.
    """
    return a + (b - c) * alpha
