"""Task arithmetic."""

from __future__ import annotations

from typing import Annotated

from mergec.ir.expression import Tensor
from mergec.methods.example import Example
from mergec.methods.method import method
from mergec.methods.parameter import Compat
from mergec.methods.pieces.deltas import deltas_of
from mergec.methods.pieces.sparse_merges import with_sum


@method(
    reference="arXiv:2212.04089",
    formula="b + λ Σ w_i (x_i - b)",
    gives="weights",
    needs="weights",
    example=Example(
        tensors={"base": [1, 1], "a": [3, 0], "b": [2, 2]},
        keys={"base": "base", "inputs": {"a": 0.5, "b": 1}, "lambda": 2},
        result=[5, 2],
    ),
)
def task_arithmetic(
    base: Annotated[Tensor, "the model that the others were trained from"],
    inputs: Annotated[list[Tensor], "the fine-tunes"],
    weight: Annotated[list[float], "the weight of each fine-tune; a negative one takes a skill away"],
    lambda_: Annotated[float, "the factor of what is added to the base"] = 1.0,
    *,
    normalize: Annotated[bool, "divide by the sum of the weights"] = False,
    compat: Compat = None,
) -> Tensor:
    """The base plus weighted differences of fine-tunes from it.

    A fine-tune of weight 0 for a tensor takes no part in it and is not read. `normalize` with weights that
    sum to 0 is an error; with `compat: mergekit-0.1` they are then not divided. A NaN spreads.
    """
    deltas = deltas_of(base, inputs, weight)
    kept = [delta.tensor for delta in deltas]
    return with_sum(base, deltas, kept, lambda_, normalize=normalize, compat=compat)
