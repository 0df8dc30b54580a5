"""Sparsified deltas put together: summed, or merged by the sign that they elect."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, TypeVar

from mergec.methods.method import MethodError
from mergec.methods.pieces.sign_election import Election, elected
from mergec.methods.pieces.span import added

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mergec.ir.expression import Tensor
    from mergec.methods.parameter import Compat
    from mergec.methods.pieces.deltas import Delta


T = TypeVar("T")


def default(given: T | None, compat: Compat, *, usual: T, theirs: T) -> T:
    """The value of an option: the one given, or the usual one, or with `compat` that of the other program."""
    if given is not None:
        return given
    return usual if compat is None else theirs


def with_sum(
    base: Tensor,
    deltas: Sequence[Delta],
    kept: Sequence[Tensor],
    lambda_: float,
    *,
    normalize: bool,
    compat: Compat,
) -> Tensor:
    """The base plus the weighted sum, or mean, of what was kept of the deltas."""
    if not deltas:
        return base
    total = added([one * delta.weight for one, delta in zip(kept, deltas, strict=True)])
    factor = lambda_ / weight_sum([delta.weight for delta in deltas], compat) if normalize else lambda_
    return base + total * factor


def with_election(
    base: Tensor,
    deltas: Sequence[Delta],
    kept: Sequence[Tensor],
    lambda_: float,
    sign: Election,
    *,
    normalize: bool,
    compat: Compat,
) -> Tensor:
    """The base plus what the deltas that agree with the elected sign come to."""
    if not deltas:
        return base
    weights = [delta.weight for delta in deltas]
    return base + elected(kept, weights, sign, normalize=normalize, compat=compat) * lambda_


def weight_sum(weights: Sequence[float], compat: Compat) -> float:
    """What weights are divided by.

    Raises:
        MethodError: they sum to 0, or to more than a number can hold.
    """
    try:
        total = math.fsum(weights)
    except OverflowError:
        raise MethodError("the weights are too large to be summed") from None
    if compat is not None and abs(total) < 1e-8:
        return 1.0
    if total == 0:
        raise MethodError("the weights sum to 0 and cannot be normalised")
    return total
