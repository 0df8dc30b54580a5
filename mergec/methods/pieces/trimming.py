"""Deltas trimmed to their largest elements."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mergec.methods.pieces.kept_count import kept_count
from mergec.methods.pieces.thresholds import cuts, elements, survey_ranks

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mergec.ir.expression import Tensor
    from mergec.methods.pieces.deltas import Delta


def survey_trimming(calls: Sequence[Mapping[str, Any]]) -> Tensor | None:
    """The threshold of each model over all tensors, where the recipe wants one."""
    return survey_ranks(calls, _ranks, ("density",))


def trimmed(delta: Delta, density: float, survey: Tensor | None) -> Tensor:
    """The largest elements of a delta, and 0 elsewhere. What is as large as the smallest kept is kept."""
    tensor = delta.tensor
    if density >= 1:
        return tensor
    if density <= 0:
        return tensor * 0.0
    rank = kept_count(density, elements(tensor))
    (cut,) = cuts(tensor, [rank], survey, delta.at)
    return abs(tensor).below(cut).where(tensor * 0.0, tensor)


def _ranks(arguments: Mapping[str, Any], model: int, size: int) -> tuple[int, ...]:
    return (kept_count(arguments["density"][model], size),)
