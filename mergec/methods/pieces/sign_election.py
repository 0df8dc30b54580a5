"""Means of deltas over the models that agree with the sign that they elect together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from mergec.methods.pieces.span import added

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mergec.ir.expression import Tensor
    from mergec.methods.parameter import Compat

Election = Literal["unweighted", "weighted", "count"]
SIGN = "what elects the sign of an element: the sum of the deltas, that of the weighted ones, or their number"

_LEAST = 2.0**-126  # less than any weight, so that nothing divided by it is nothing


def elected(
    deltas: Sequence[Tensor],
    weights: Sequence[float],
    sign: Election,
    *,
    normalize: bool,
    compat: Compat,
) -> Tensor:
    """The weighted sum, or with `normalize` mean, of the deltas that have the elected sign, by element.

    0 where no sign is elected, as the votes cancel, and NaN where a delta is, or is infinite and no sign is
    elected. With `compat` votes that cancel elect plus, and the weights that a mean divides by keep their
    signs.
    """
    terms = [delta * weight for delta, weight in zip(deltas, weights, strict=True)]
    winner = added(_votes(deltas, terms, weights, sign)).sign()
    if compat is not None:
        winner = winner + winner.equals(0.0)
    # Times the elected sign, terms that agree with it are positive. A NaN stays one in all of this.
    turned = [term * winner for term in terms]
    total = added([one.maximum(0.0) for one in turned])
    if not normalize:
        return total * winner
    shares = [weight if compat else abs(weight) for weight in weights]
    divisor = added([one.above(0.0) * share for one, share in zip(turned, shares, strict=True)])
    if compat is None:
        return total / divisor.maximum(_LEAST) * winner
    return total / (divisor + divisor.equals(0.0)) * winner


def _votes(
    deltas: Sequence[Tensor], terms: Sequence[Tensor], weights: Sequence[float], sign: Election
) -> list[Tensor]:
    if sign == "weighted":
        return list(terms)
    if sign == "count":
        return [term.sign() for term in terms]
    return [delta if weight > 0 else -delta for delta, weight in zip(deltas, weights, strict=True)]
