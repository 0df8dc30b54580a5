"""SCE: select, calculate, erase."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated, Any

from mergec.ir.expression import Tensor
from mergec.ir.reduction_primitives import Rank
from mergec.ir.reductions import gram, kth_magnitudes, scalars
from mergec.methods.example import Example
from mergec.methods.method import method
from mergec.methods.parameter import Compat
from mergec.methods.pieces.kept_count import kept_count
from mergec.methods.pieces.span import added
from mergec.methods.pieces.thresholds import elements
from mergec.methods.range import Range

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


@method(
    reference="arXiv:2408.07990",
    formula="b + Σ W_i m_i d_i / Σ W_i m_i, W_i the share of Σ d_i², m_i = 1 where d_i has the sign of Σ d_i",
    gives="weights",
    needs="weights",
    example=Example(
        tensors={"base": [0, 0], "a": [1, 1], "b": [1, -3]},
        keys={"base": "base", "inputs": ["a", "b"]},
        result=[1, -3],
    ),
)
def sce(
    base: Annotated[Tensor, "the model that the others were trained from"],
    inputs: Annotated[list[Tensor], "the fine-tunes"],
    select_topk: Annotated[float, "the share of elements to keep: where they differ most", Range(0, 1)] = 1.0,
    *,
    compat: Compat = None,
) -> Tensor:
    """Differences selected by their variance over the fine-tunes, weighted by their squares, merged by sign.

    Only the elements whose variance over the models is largest are kept, the share `select_topk` of all;
    ties are all kept. Each model's weight in a tensor is its share of the sum of squares. Models that do not
    have the sign of the summed differences are left out of an element; where they cancel, the base stays.
    A NaN is never dropped, and makes the weights of all models in its tensor NaN.

    `compat: mergekit-0.1` counts the share over elements that differ at all, elects plus where differences
    cancel, and weighs all models alike where the mean square of all together is below 1e-6.
    """
    deltas = _selected([one - base for one in inputs], select_topk, compat)
    count, as_mergekit = len(deltas), compat is not None
    size = elements(base)
    shares = scalars(_shares, gram(deltas), size=count, constants=(size, as_mergekit))
    winner = added(deltas).sign()
    if as_mergekit:
        winner = winner + winner.equals(0.0)
    nothing = deltas[0] * 0.0
    dropped = [(one.sign() * winner).below(0.5) for one in deltas]
    kept = [dropped[at].where(nothing, one) * shares[at] for at, one in enumerate(deltas)]
    divisor = added([(-drop + 1.0) * shares[at] for at, drop in enumerate(dropped)])
    return base + added(kept) / divisor.maximum(1e-6 if as_mergekit else 2.0**-126)


def _selected(deltas: list[Tensor], select_topk: float, compat: Compat) -> list[Tensor]:
    """The differences, without those elements whose variance over the models is not among the largest."""
    if select_topk >= 1:
        return deltas
    if select_topk <= 0:
        return [one * 0.0 for one in deltas]
    mean = added(deltas) * (1 / len(deltas))
    spread = added([(one - mean) * (one - mean) for one in deltas]) * (1 / len(deltas))
    size = elements(spread)
    # The share of those that differ at all depends on the values, so that it is taken when these are there.
    rank = Rank(0, kept_count(select_topk, size)) if compat is None else Rank(0, share=select_topk)
    cut = kth_magnitudes([spread], [rank])[0]
    nothing = spread * 0.0
    drop = spread.below(cut)
    return [drop.where(nothing, one) for one in deltas]


def _shares(products: NDArray[Any], size: int, as_mergekit: bool) -> Sequence[float]:  # noqa: FBT001  # by position
    squares = [float(products[i, i]) for i in range(len(products))]
    total = math.fsum(squares) if all(map(math.isfinite, squares)) else math.nan
    if total == 0 or (as_mergekit and total / size < 1e-6):
        return [1 / len(squares)] * len(squares)
    return [square / total for square in squares]
