"""TIES: trim, elect a sign, average what agrees."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from mergec.ir.expression import Tensor
from mergec.methods.example import Example
from mergec.methods.method import method
from mergec.methods.parameter import Compat, Surveyed
from mergec.methods.pieces.deltas import deltas_of
from mergec.methods.pieces.rescaling import RESCALE, Rescale, rescaled
from mergec.methods.pieces.sign_election import SIGN, Election
from mergec.methods.pieces.sparse_merges import default, with_election
from mergec.methods.pieces.thresholds import Scope
from mergec.methods.pieces.trimming import survey_trimming, trimmed
from mergec.methods.range import Range

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def _survey(calls: Sequence[Mapping[str, Any]]) -> Tensor | None:
    return survey_trimming(calls)


@method(
    reference="arXiv:2306.01708",
    formula="b + λ Σ w_i m_i d_i / Σ |w_i| m_i, where d_i is kept (m_i = 1) if its sign is that of Σ d_i",
    gives="weights",
    needs="weights",
    survey=_survey,
    example=Example(
        tensors={"base": [0, 0, 0, 0], "a": [4, -3, 2, 1], "b": [-1, -3, 4, 2]},
        keys={
            "base": "base",
            "inputs": {"a": {"weight": 1, "density": 0.5}, "b": {"weight": 1, "density": 0.5}},
        },
        result=[4, -3, 4, 0],
    ),
)
def ties(
    base: Annotated[Tensor, "the model that the others were trained from"],
    inputs: Annotated[list[Tensor], "the fine-tunes"],
    weight: Annotated[list[float], "the weight of each fine-tune"],
    density: Annotated[list[float], "the share of elements to keep, the largest", Range(0, 1)] = 1.0,  # type: ignore[assignment]
    lambda_: Annotated[float, "the factor of what is added to the base"] = 1.0,
    *,
    normalize: Annotated[bool | None, "divide by the weights of those that agree (default: true)"] = None,
    rescale: Annotated[Rescale, RESCALE] = "none",
    sign: Annotated[Election | None, SIGN + " (default: unweighted)"] = None,
    scope: Annotated[Scope, "trim each tensor, or the whole model, by one threshold"] = "tensor",
    compat: Compat = None,
    survey: Surveyed = None,
) -> Tensor:
    """Task vectors trimmed to their largest elements, averaged over those that agree in sign.

    Of each delta d_i = x_i - b the `density` largest elements by magnitude are kept; elements as large as
    the smallest that is kept are kept too. The deltas elect a sign for each element, and those that have it
    are averaged by their weights. Where the votes cancel, the base stays.

    `scope: model` finds one threshold for all tensors of a model. `compat: mergekit-0.1` elects by weighted
    deltas and takes plus where the votes cancel. A NaN is never dropped.
    """
    deltas = deltas_of(base, inputs, weight)
    kept = [
        rescaled(left, delta.tensor, density[delta.at], rescale, compat)
        for left, delta in zip(trimmed(deltas, density, survey), deltas, strict=True)
    ]
    return with_election(
        base,
        deltas,
        kept,
        lambda_,
        default(sign, compat, usual="unweighted", theirs="weighted"),
        normalize=default(normalize, compat, usual=True, theirs=True),
        compat=compat,
    )
