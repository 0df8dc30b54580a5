"""Model breadcrumbs with sign election."""

from __future__ import annotations

from typing import Annotated

from mergec.ir.expression import Tensor
from mergec.methods.example import Example
from mergec.methods.method import method
from mergec.methods.parameter import Compat, Surveyed
from mergec.methods.pieces.deltas import deltas_of
from mergec.methods.pieces.masking import masked, survey_masking
from mergec.methods.pieces.rescaling import RESCALE, Rescale, rescaled
from mergec.methods.pieces.sign_election import SIGN, Election
from mergec.methods.pieces.sparse_merges import default, with_election
from mergec.methods.pieces.thresholds import Scope
from mergec.methods.range import Range


@method(
    reference="arXiv:2312.06795",
    formula="b + λ Σ w_i m_i d̂_i / Σ |w_i| m_i, d̂_i = d_i without its γ largest and its smallest elements",
    gives="weights",
    needs="weights",
    survey=survey_masking,
    example=Example(
        tensors={"base": [0, 0, 0, 0], "a": [8, -3, 2, 1]},
        keys={"base": "base", "inputs": {"a": {"weight": 1, "density": 0.5, "gamma": 0.25}}},
        result=[0, -3, 2, 0],
    ),
)
def breadcrumbs_ties(
    base: Annotated[Tensor, "the model that the others were trained from"],
    inputs: Annotated[list[Tensor], "the fine-tunes"],
    weight: Annotated[list[float], "the weight of each fine-tune"],
    density: Annotated[list[float], "the share of elements to keep", Range(0, 1)] = 1.0,  # type: ignore[assignment]
    gamma: Annotated[list[float], "the share of the largest elements to drop", Range(0, 1)] = 0.01,  # type: ignore[assignment]
    lambda_: Annotated[float, "the factor of what is added to the base"] = 1.0,
    *,
    normalize: Annotated[bool | None, "divide by the weights of those that agree (default: true)"] = None,
    rescale: Annotated[Rescale, RESCALE] = "none",
    sign: Annotated[Election | None, SIGN + " (default: unweighted)"] = None,
    scope: Annotated[Scope, "mask each tensor, or the whole model, by the same thresholds"] = "tensor",
    compat: Compat = None,
    survey: Surveyed = None,
) -> Tensor:
    """Task vectors without their largest and their smallest elements, averaged over those that agree in sign.

    The `gamma` largest elements of each delta by magnitude are dropped, and of the rest the largest are kept,
    `density` of all; where both cannot be, the density counts. Elements as large as a threshold are kept.
    `scope: model` finds the thresholds over all tensors of a model. The rest is as in `ties`. A NaN is
    never dropped.
    """
    deltas = deltas_of(base, inputs, weight)
    kept = [
        rescaled(left, delta.tensor, density[delta.at], rescale, compat)
        for left, delta in zip(masked(deltas, density, gamma, survey, compat), deltas, strict=True)
    ]
    elects_by: Election = default(sign, compat, usual="unweighted", theirs="weighted")
    normalizes = default(normalize, compat, usual=True, theirs=False)
    return with_election(base, deltas, kept, lambda_, elects_by, normalize=normalizes, compat=compat)
