"""DARE with a plain sum."""

from __future__ import annotations

from typing import Annotated

from mergec.ir.expression import Tensor
from mergec.methods.example import Example
from mergec.methods.method import method
from mergec.methods.parameter import Compat
from mergec.methods.pieces.deltas import deltas_of
from mergec.methods.pieces.dropping import dropped_at_random
from mergec.methods.pieces.rescaling import RESCALE, Rescale, rescaled
from mergec.methods.pieces.sparse_merges import default, with_sum
from mergec.methods.random import Random
from mergec.methods.range import Range


@method(
    reference="arXiv:2311.03099",
    formula="b + λ Σ w_i d̂_i, d̂_i = d_i [u_i < p] / p",
    gives="weights",
    needs="weights",
    example=Example(
        tensors={"base": [1, 1], "a": [3, 0], "b": [2, 2]},
        keys={"base": "base", "inputs": {"a": {"weight": 0.5}, "b": {"weight": 0.5}}},
        result=[2.5, 1],
    ),
)
def dare_linear(
    base: Annotated[Tensor, "the model that the others were trained from"],
    inputs: Annotated[list[Tensor], "the fine-tunes"],
    weight: Annotated[list[float], "the weight of each fine-tune"],
    random: Random,
    density: Annotated[list[float], "the probability that an element is kept", Range(0, 1)] = 1.0,  # type: ignore[assignment]
    lambda_: Annotated[float, "the factor of what is added to the base"] = 1.0,
    *,
    normalize: Annotated[bool | None, "divide by the sum of the weights (default: false)"] = None,
    rescale: Annotated[Rescale | None, RESCALE + " (default: density)"] = None,
    compat: Compat = None,
) -> Tensor:
    """Task vectors with elements dropped at random, and the rest made larger for it, summed.

    Each element of a delta d_i = x_i - b is kept with the probability `density`, and divided by it. Which
    ones depends on `seed`, the name of the tensor and that of the model alone: not on threads, shards or the
    order of models.

    `compat: mergekit-0.1` rescales so that the sum of magnitudes stays (l1); its random
    numbers are its own. A NaN is never dropped.
    """
    deltas = deltas_of(base, inputs, weight)
    how: Rescale = default(rescale, compat, usual="density", theirs="l1")
    kept = [
        rescaled(
            dropped_at_random(delta, density[delta.at], random), delta.tensor, density[delta.at], how, compat
        )
        for delta in deltas
    ]
    return with_sum(base, deltas, kept, lambda_, normalize=bool(normalize), compat=compat)
