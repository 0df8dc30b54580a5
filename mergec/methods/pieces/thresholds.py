"""Magnitudes by rank that tensors are cut at: found in each tensor, or over all tensors of a model."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from mergec.ir.reduction_primitives import Rank
from mergec.ir.reductions import joint_kth_magnitudes, kth_magnitudes
from mergec.methods.method import MethodError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from mergec.ir.expression import Scalar, Tensor

    # The ranks that one model's tensor, or all of them, are to be cut at, for a number of elements.
    Ranks = Callable[[Mapping[str, Any], int, int], tuple[int, ...]]

Scope = Literal["tensor", "model"]


def elements(tensor: Tensor) -> int:
    """The number of elements."""
    return prod(tensor.shape)


def survey_ranks(calls: Sequence[Mapping[str, Any]], ranks: Ranks, alike: Sequence[str]) -> Tensor | None:
    """The magnitudes by rank over all tensors, for each model one after another; None for `scope: tensor`.

    `ranks(arguments, model, size)` gives those of a model. The numbers named in `alike` decide them, and
    must be the same for all tensors.
    """
    first = calls[0]
    if first["scope"] == "tensor":
        return None
    for name in alike:
        for numbers in zip(*(call[name] for call in calls), strict=True):
            least, greatest = min(numbers), max(numbers)
            if least != greatest:
                problem = f"with `scope: model` the {name} of a model must be the same for all tensors"
                raise MethodError(f"{problem}, and is {least:.6g} to {greatest:.6g}")
    models = range(len(first["inputs"]))
    total = sum(elements(call["base"]) for call in calls)
    wanted = [Rank(model, rank) for model in models for rank in ranks(first, model, total)]
    groups = [[model - call["base"] for model in call["inputs"]] for call in calls]
    return joint_kth_magnitudes(groups, wanted)


class Wanted(NamedTuple):
    """A tensor, the place of its model in the list, and the ranks of its magnitudes that are wanted."""

    tensor: Tensor
    model: int
    ranks: tuple[int, ...]


def cuts(wanted: Sequence[Wanted], survey: Tensor | None) -> list[list[Scalar]]:
    """The magnitudes of these ranks: of each tensor, or those that the survey found for its model.

    All tensors are looked at together, so that what they have in common is read once.
    """
    if survey is not None:
        return [[survey[one.model * len(one.ranks) + at] for at in range(len(one.ranks))] for one in wanted]
    if not wanted:
        return []
    found = kth_magnitudes(
        [one.tensor for one in wanted for _ in one.ranks], [rank for one in wanted for rank in one.ranks]
    )
    numbers = iter(range(prod(found.shape)))
    return [[found[next(numbers)] for _ in one.ranks] for one in wanted]
