"""PCB merging."""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING, Annotated, Any

from mergec.ir.expression import Tensor
from mergec.ir.reduction_primitives import Rank
from mergec.ir.reductions import joint_kth_magnitudes, kth_magnitudes, scalars
from mergec.methods.example import Example
from mergec.methods.method import MethodError, method
from mergec.methods.parameter import Constant, Surveyed
from mergec.methods.pieces.deltas import Delta, deltas_of
from mergec.methods.pieces.kept_count import kept_count
from mergec.methods.pieces.span import added
from mergec.methods.pieces.thresholds import Scope, elements
from mergec.methods.range import Range

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    _Find = Callable[[Sequence[Sequence[Tensor]], Sequence[Rank]], Tensor]

_LEAST = 2.0**-126
_SMALL = 1e-4  # below this tanh(z) is z to nine digits, and a quotient of powers is not
_NUMBERS = 4  # of each model, about its magnitudes
_SPAN = 3  # of each model, about its scores


def _survey(calls: Sequence[Mapping[str, Any]]) -> Tensor | None:
    """The limits of each model's magnitudes and scores over all tensors."""
    first = calls[0]
    if first["scope"] == "tensor":
        return None
    if any(call["weight"] != first["weight"] for call in calls):
        raise MethodError("with `scope: model` the weight of a model must be the same for all tensors")
    groups = [deltas_of(call["base"], call["inputs"], call["weight"]) for call in calls]
    if not groups[0]:
        return None
    size = sum(elements(call["base"]) for call in calls)
    found = _compared(groups, joint_kth_magnitudes, size, first["outliers"], first["density"])
    return scalars(_joined, *found, size=(_NUMBERS + _SPAN) * len(groups[0]))


@method(
    reference="arXiv:2410.02396",
    formula="b + λ Σ w_i s_i sgn(d_i) c_i / Σ s_i; s_i from β_i = exp(N e_i²) tanh(d_i Σ d_j), "
    "c_i = |d_i| clamped, e_i = c_i from 0 to 1",
    gives="weights",
    needs="weights",
    survey=_survey,
    example=Example(
        tensors={"base": [0, 0], "a": [2, 1], "b": [2, -1]},
        keys={"base": "base", "inputs": ["a", "b"], "density": 0.5, "outliers": 0},
        result=[2, 0],
    ),
)
def pcb(
    base: Annotated[Tensor, "the model that the others were trained from"],
    inputs: Annotated[list[Tensor], "the fine-tunes"],
    weight: Annotated[list[float], "the weight of each fine-tune"] = 1.0,  # type: ignore[assignment]
    lambda_: Annotated[float, "the factor of what is added to the base"] = 1.0,
    *,
    density: Annotated[Constant, "the share of elements that compete", Range(0, 1)] = 0.1,
    outliers: Annotated[Constant, "the share of magnitudes to clamp at both ends", Range(0, 0.5)] = 0.0001,
    scope: Annotated[Scope, "compare within each tensor, or over the whole model"] = "tensor",
    survey: Surveyed = None,
) -> Tensor:
    """Task vectors whose elements compete for their place, by their size and by how they agree.

    An element's score grows with its magnitude within its model, and with how well it agrees with the sum of
    all models. Only the `density` best scores of a model count, by how far they are above the last of these;
    where all of them are equal, each counts whole. A NaN or an infinite value makes all of its tensor NaN,
    with `scope: model` every tensor.
    """
    deltas = deltas_of(base, inputs, weight)
    if not deltas or density == 0:
        return base
    if survey is None:
        limits, best = _compared([deltas], _of_one_name, elements(base), outliers, density)
        start = 0
    else:
        limits = best = survey
        start = _NUMBERS * len(deltas)
    shares = [
        # (beta - t)+ / (M - t), or 1 at M where that is 0
        (one + best[at]).maximum(0.0) * best[at + 1] + one.at_least(best[at + 2])
        for at, one in zip(itertools.count(start, _SPAN), _scores(deltas, limits), strict=False)
    ]
    terms = [
        delta.tensor.sign() * _clamped(delta.tensor, limits, at) * share * delta.weight
        for at, (delta, share) in enumerate(zip(deltas, shares, strict=True))
    ]
    return base + added(terms) / added(shares).maximum(_LEAST) * lambda_


def _compared(
    groups: Sequence[Sequence[Delta]], find: _Find, size: int, outliers: float, density: float
) -> tuple[Tensor, Tensor]:
    """The limits of each model's magnitudes, and the spans of its scores, over these tensors.

    `size` is the number of elements of a model, and `find` gives magnitudes of theirs by rank.
    """
    models = range(len(groups[0]))
    trimmed = [rank for at in models for rank in _trimming(at, size, outliers)]
    magnitudes = find([[delta.tensor for delta in group] for group in groups], trimmed)
    limits = scalars(_limits, magnitudes, size=_NUMBERS * len(models))
    competing = [rank for at in models for rank in _competing(at, size, density)]
    scores = find([_scores(group, limits) for group in groups], competing)
    return limits, scalars(_spans, scores, size=_SPAN * len(models))


def _of_one_name(groups: Sequence[Sequence[Tensor]], ranks: Sequence[Rank]) -> Tensor:
    (tensors,) = groups
    return kth_magnitudes([tensors[one.operand] for one in ranks], [one.rank for one in ranks])


def _trimming(operand: int, size: int, outliers: float) -> tuple[Rank, Rank]:
    """The ranks of the greatest and of the least magnitude that are left as they are."""
    out = int(outliers * size)
    return Rank(operand, out + 1), Rank(operand, max(size - out, 1))


def _competing(operand: int, size: int, density: float) -> tuple[Rank, Rank]:
    """The ranks of the best score and of the worst that counts."""
    return Rank(operand, 1), Rank(operand, kept_count(density, size))


def _clamped(delta: Tensor, limits: Tensor, at: int) -> Tensor:
    return abs(delta).minimum(limits[_NUMBERS * at]).maximum(limits[_NUMBERS * at + 1])


def _scores(deltas: Sequence[Delta], limits: Tensor) -> list[Tensor]:
    """exp(N e^2) tanh(d sum d), 0 where that is negative."""
    total = added([delta.tensor for delta in deltas])
    found: list[Tensor] = []
    for at, delta in enumerate(deltas):
        size = (_clamped(delta.tensor, limits, at) + limits[_NUMBERS * at + 2]) * limits[_NUMBERS * at + 3]
        found.append((size * size * float(len(deltas))).exp() * _tanh(delta.tensor * total).maximum(0.0))
    return found


def _tanh(tensor: Tensor) -> Tensor:
    """Of what is positive; what is negative does not count."""
    power = (tensor * -2.0).exp()
    return tensor.below(_SMALL).where(tensor, (-power + 1.0) / (power + 1.0))


def _limits(magnitudes: NDArray[Any]) -> list[float]:
    """Of each model the greatest magnitude, the least, what shifts this to 0, and what scales that to 1."""
    found: list[float] = []
    for greatest, least in magnitudes.reshape(-1, 2):
        scale = 0.0 if greatest == least else 1 / (greatest - least)
        # Where one is infinite, none can be told from the others.
        found += [greatest, least, -least, scale if math.isfinite(greatest) else math.nan]
    return found


def _spans(scores: NDArray[Any]) -> list[float]:
    """Of each model what shifts the worst score that counts to 0, scales the best to 1, and wins alone."""
    found: list[float] = []
    for best, worst in scores.reshape(-1, 2):
        is_alone = best == worst
        wins = best if is_alone and best > 0 else float("inf")
        found += [-worst, 0.0 if is_alone else 1 / (best - worst), wins]
    return found


def _joined(*vectors: NDArray[Any]) -> list[float]:
    return [float(number) for vector in vectors for number in vector]
