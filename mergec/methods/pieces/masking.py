"""Deltas without their largest and their smallest elements."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mergec.methods.pieces.kept_count import kept_count
from mergec.methods.pieces.thresholds import Wanted, cuts, elements, survey_ranks

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from mergec.ir.expression import Scalar, Tensor
    from mergec.methods.parameter import Compat
    from mergec.methods.pieces.deltas import Delta


def survey_masking(calls: Sequence[Mapping[str, Any]]) -> Tensor | None:
    """Both thresholds of each model over all tensors, where the recipe wants them."""
    return survey_ranks(calls, _ranks, ("density", "gamma"))


def masked(
    deltas: Sequence[Delta],
    density: Sequence[float],
    gamma: Sequence[float],
    survey: Tensor | None,
    compat: Compat,
) -> list[Tensor]:
    """The elements whose magnitudes are neither among the largest nor among the smallest, and 0 elsewhere."""
    shares = [density[delta.at] for delta in deltas]
    wanted = [
        Wanted(delta.tensor, delta.at, ranks)
        for delta, share in zip(deltas, shares, strict=True)
        if 0 < share < 1
        for ranks in [
            _between(share, gamma[delta.at], elements(delta.tensor), may_be_none=compat is not None)
        ]
    ]
    found = iter(cuts(wanted, survey))
    return [_within(delta.tensor, share, found) for delta, share in zip(deltas, shares, strict=True)]


def _within(tensor: Tensor, share: float, found: Iterator[list[Scalar]]) -> Tensor:
    if share >= 1:
        return tensor
    if share <= 0:
        return tensor * 0.0
    most, least = next(found)
    magnitude = abs(tensor)
    return tensor * (magnitude.at_least(least) - magnitude.above(most))


def _ranks(arguments: Mapping[str, Any], model: int, size: int) -> tuple[int, int]:
    density, gamma = arguments["density"][model], arguments["gamma"][model]
    return _between(density, gamma, size, may_be_none=arguments["compat"] is not None)


def _between(density: float, gamma: float, size: int, *, may_be_none: bool) -> tuple[int, int]:
    """The ranks of the largest and of the smallest magnitude to keep."""
    count = kept_count(density, size, may_be_none=may_be_none)
    if not count:
        return 1, 0  # nothing is as large as a magnitude of rank 0
    top = min(int(gamma * size), size - count)
    return top + 1, top + count
