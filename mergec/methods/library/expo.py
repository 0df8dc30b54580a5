"""Extrapolation beyond an aligned model."""

from __future__ import annotations

from typing import Annotated

from mergec.ir.expression import Tensor
from mergec.methods.example import Example
from mergec.methods.method import method


@method(
    reference="arXiv:2404.16792",
    formula="x + α (x - b)",
    gives="weights",
    needs="weights",
    example=Example(
        tensors={"sft": [1, 1], "dpo": [2, 0]},
        keys={"base": "sft", "model": "dpo", "alpha": 0.5},
        result=[2.5, -0.5],
    ),
)
def expo(
    base: Annotated[Tensor, "the model before alignment"],
    model: Annotated[Tensor, "the aligned model"],
    alpha: Annotated[float, "how far beyond it"],
) -> Tensor:
    """ExPO: further along the line from a model to the one that was trained from it.

    An `alpha` of 0 gives the bytes of the aligned model. A NaN spreads.
    """
    if alpha == 0.0:
        return model
    return model + (model - base) * alpha
