"""Deltas trimmed to their largest elements."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mergec.methods.pieces.kept_count import kept_count
from mergec.methods.pieces.thresholds import Wanted, cuts, elements, survey_ranks

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from mergec.ir.expression import Scalar, Tensor
    from mergec.methods.pieces.deltas import Delta


def survey_trimming(calls: Sequence[Mapping[str, Any]]) -> Tensor | None:
    """The threshold of each model over all tensors, where the recipe wants one."""
    return survey_ranks(calls, _ranks, ("density",))


def trimmed(deltas: Sequence[Delta], density: Sequence[float], survey: Tensor | None) -> list[Tensor]:
    """The largest elements of each delta, and 0 elsewhere. What is as large as the smallest kept is kept."""
    shares = [density[delta.at] for delta in deltas]
    wanted = [
        Wanted(delta.tensor, delta.at, (kept_count(share, elements(delta.tensor)),))
        for delta, share in zip(deltas, shares, strict=True)
        if 0 < share < 1
    ]
    found = iter(cuts(wanted, survey))
    return [_above(delta.tensor, share, found) for delta, share in zip(deltas, shares, strict=True)]


def _above(tensor: Tensor, share: float, found: Iterator[list[Scalar]]) -> Tensor:
    if share >= 1:
        return tensor
    if share <= 0:
        return tensor * 0.0
    (cut,) = next(found)
    return tensor * abs(tensor).at_least(cut)


def _ranks(arguments: Mapping[str, Any], model: int, size: int) -> tuple[int, ...]:
    return (kept_count(arguments["density"][model], size),)
