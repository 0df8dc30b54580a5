"""TALL masks."""

from __future__ import annotations

from typing import Annotated

from mergec.ir.expression import Tensor
from mergec.methods.example import Example
from mergec.methods.method import method
from mergec.methods.pieces.deltas import deltas_of
from mergec.methods.pieces.span import added
from mergec.methods.range import Range


@method(
    reference="arXiv:2405.07813",
    formula="b + λ τ where |d| >= μ |τ - d|, τ = Σ w_i d_i, d = of - b",
    gives="weights",
    needs="weights",
    example=Example(
        tensors={"base": [0, 0], "a": [1, 4], "b": [1, 0]},
        keys={"base": "base", "inputs": ["a", "b"], "of": "b"},
        result=[2, 0],
    ),
)
def tall_masks(
    base: Annotated[Tensor, "the model that the others were trained from"],
    inputs: Annotated[list[Tensor], "the fine-tunes"],
    of: Annotated[Tensor, "the fine-tune to get back"],
    weight: Annotated[list[float], "the weight of each fine-tune in the sum"] = 1.0,  # type: ignore[assignment]
    mask_lambda: Annotated[float, "how much of it must be its own (μ)", Range(least=0)] = 0.4,
    lambda_: Annotated[float, "the factor of what is added to the base"] = 1.0,
) -> Tensor:
    """One fine-tune got back from summed task vectors, by the elements that it has a use for.

    A NaN is never dropped.
    """
    deltas = deltas_of(base, inputs, weight)
    if not deltas:
        return base
    total = added([delta.tensor * delta.weight for delta in deltas])
    own = of - base
    drop = abs(own).below(abs(total - own) * mask_lambda)
    return base + drop.where(total * 0.0, total) * lambda_
