"""Consensus merging."""

from __future__ import annotations

from typing import Annotated

from mergec.ir.expression import Tensor
from mergec.methods.example import Example
from mergec.methods.method import MethodError, method
from mergec.methods.pieces.deltas import deltas_of
from mergec.methods.pieces.span import added
from mergec.methods.range import Range


@method(
    reference="arXiv:2405.07813",
    formula="b + λ τ where Σ [|d_i| >= μ_i |τ - d_i|] >= k, τ = Σ w_i d_i",
    gives="weights",
    needs="weights",
    example=Example(
        tensors={"base": [0, 0], "a": [1, 4], "b": [1, 0]},
        keys={"base": "base", "inputs": ["a", "b"]},
        result=[2, 0],
    ),
)
def consensus(
    base: Annotated[Tensor, "the model that the others were trained from"],
    inputs: Annotated[list[Tensor], "the fine-tunes"],
    weight: Annotated[list[float], "the weight of each fine-tune in the sum"] = 1.0,  # type: ignore[assignment]
    mask_lambda: Annotated[list[float], "how much of a model must be its own (μ)", Range(least=0)] = 0.4,  # type: ignore[assignment]
    lambda_: Annotated[float, "the factor of what is added to the base"] = 1.0,
    *,
    agreement: Annotated[int, "how many models must find an element useful (k)", Range(least=1)] = 2,
) -> Tensor:
    """Summed task vectors, without the elements that too few of the fine-tunes have a use for.

    A fine-tune of weight 0 is left out. A NaN is never dropped.
    """
    deltas = deltas_of(base, inputs, weight)
    if not deltas:
        return base
    if agreement > len(inputs):
        raise MethodError(f"`agreement: {agreement}` is more than there are models: {len(inputs)}")
    total = added([delta.tensor * delta.weight for delta in deltas])
    useless = [abs(delta.tensor).below(abs(total - delta.tensor) * mask_lambda[delta.at]) for delta in deltas]
    # As many may find no use as are left when `agreement` models do; NaN finds a use for everything.
    drop = added(useless).above(len(deltas) - agreement + 0.5)
    kept = drop.where(total * 0.0, total)
    return base + kept * lambda_
