"""Arcee fusion."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Annotated, Any

from mergec.ir.expression import Tensor
from mergec.ir.reductions import kth_magnitudes, scalars
from mergec.methods.example import Example
from mergec.methods.method import method
from mergec.methods.parameter import Compat
from mergec.methods.pieces.thresholds import elements

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

_FLOOR = 1e-8  # added to probabilities


@method(
    reference="Arcee's MergeKit 0.1, arcee_fusion",
    formula="x where |x - b| KL(softmax(x) ‖ softmax(b)) >= median + 1.5 IQR of it, else b",
    gives="weights",
    needs="weights",
    example=Example(
        tensors={
            "base": [[0, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0]],
            "a": [[0.1, 0, 0, 0], [0, 0.1, 0, 0], [3, 0, 0, 0]],
        },
        keys={"base": "base", "model": "a"},
        result=[[0.1, 0, 0, 0], [0, 0.1, 0, 0], [3, 0, 0, 0]],
    ),
)
def arcee_fusion(
    base: Annotated[Tensor, "the model to change"],
    model: Annotated[Tensor, "the model whose important values are taken"],
    *,
    compat: Compat = None,
) -> Tensor:
    """The base with those values of another model that matter most.

    What matters is how far a value is from the base's, times how much the distribution changes that a row
    (along the last axis) stands for. What is at least the median plus 1.5 times the interquartile range of
    it, over the tensor, is taken. A NaN makes its row NaN, and counts as mattering most.

    mergekit estimates the quartiles of tensors of more than a million elements from a random part of them;
    this does not, with `compat` either.
    """
    shape = base.shape
    last = shape[-1] if shape else 1
    rows = (prod(shape) // last if last else 0, last)
    old, new = base.reshape(*rows), model.reshape(*rows)
    importance = abs(new - old) * _divergence(new, old)
    size = elements(base)
    ranks = [size - int(share * (size - 1)) if size else 1 for share in (0.25, 0.5, 0.75)]
    cut = scalars(_cut, kth_magnitudes([importance] * len(ranks), ranks), size=1)
    return importance.below(cut[0]).where(old, new).reshape(*shape)


def _divergence(new: Tensor, old: Tensor) -> Tensor:
    """KL(softmax(new) || softmax(old)) of each row: (n, 1)."""
    p, q = (_softmax(rows) + _FLOOR for rows in (new, old))
    return (p * (p / q).log()).row_sum()


def _softmax(rows: Tensor) -> Tensor:
    largest = rows.row_max().repeated(*rows.shape)
    powers = (rows - largest).exp()
    return powers / powers.row_sum()


def _cut(quartiles: NDArray[Any]) -> Sequence[float]:
    first, median, third = quartiles
    return [median + 1.5 * (third - first)]
