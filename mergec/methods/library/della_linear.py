"""DELLA with a plain sum."""

from __future__ import annotations

from typing import Annotated

from mergec.ir.expression import Tensor
from mergec.methods.example import Example
from mergec.methods.method import MethodError, method
from mergec.methods.parameter import Compat
from mergec.methods.pieces.deltas import deltas_of
from mergec.methods.pieces.dropping import check_window, dropped_by_rank
from mergec.methods.pieces.rescaling import RESCALE, Rescale, rescaled
from mergec.methods.pieces.sparse_merges import default, with_sum
from mergec.methods.random import Random
from mergec.methods.range import Range


@method(
    reference="arXiv:2406.11617",
    formula="b + λ Σ w_i d̂_i, d̂_i = d_i [u_i < p] / p, p from δ - ε (least of a row) to δ + ε",
    gives="weights",
    needs="weights",
    example=Example(
        tensors={"base": [1, 1], "a": [3, 0], "b": [2, 2]},
        keys={
            "base": "base",
            "inputs": {
                "a": {"weight": 0.5, "density": 0.5, "epsilon": 0.5},  # the larger one stays, the other goes
                "b": {"weight": 0.5},
            },
        },
        result=[2.5, 1.5],
    ),
)
def della_linear(
    base: Annotated[Tensor, "the model that the others were trained from"],
    inputs: Annotated[list[Tensor], "the fine-tunes"],
    weight: Annotated[list[float], "the weight of each fine-tune"],
    random: Random,
    density: Annotated[list[float], "the mean probability that an element is kept", Range(0, 1)] = 1.0,  # type: ignore[assignment]
    epsilon: Annotated[list[float], "how far the probabilities reach to both sides", Range(0, 0.5)] = 0.15,  # type: ignore[assignment]
    lambda_: Annotated[float, "the factor of what is added to the base"] = 1.0,
    *,
    normalize: Annotated[bool | None, "divide by the sum of the weights (default: false)"] = None,
    rescale: Annotated[Rescale | None, RESCALE + " (default: density, each element's own)"] = None,
    compat: Compat = None,
) -> Tensor:
    """Task vectors whose small elements are dropped more often than large ones, summed.

    Within each row of a delta the elements are ranked by magnitude, equal ones by their place. The smallest
    is kept with the probability `density` - `epsilon`, the largest with `density` + `epsilon`, and what is
    kept is divided by its probability. A tensor with one axis is one row. Masks depend on `seed`, the name of
    the tensor and that of the model alone.

    `compat: mergekit-0.1` rescales so that the sum of magnitudes stays (l1); its random numbers are
    its own. The paper's epsilon is twice this one. A NaN is never dropped.
    """
    deltas = deltas_of(base, inputs, weight)
    how: Rescale = default(rescale, compat, usual="density", theirs="l1")
    kept: list[Tensor] = []
    for delta in deltas:
        share, reach = density[delta.at], epsilon[delta.at]
        problem = check_window(share, reach)
        if problem is not None:
            raise MethodError(problem)
        left = dropped_by_rank(delta, share, reach, random, rescale_each=how == "density")
        kept.append(left if how == "density" else rescaled(left, delta.tensor, share, how, compat))
    return with_sum(base, deltas, kept, lambda_, normalize=bool(normalize), compat=compat)
