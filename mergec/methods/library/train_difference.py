"""Train difference."""

from __future__ import annotations

from typing import Annotated

from mergec.ir.expression import Tensor
from mergec.methods.example import Example
from mergec.methods.method import method

_STRENGTH = 1.8  # SuperMerger's, as the weights below are 0.5 on average


@method(
    reference="SuperMerger: trainDifference",
    formula="A + 1.8 α (B - C) |B - A| / (|B - A| + |B - C|)",
    gives="weights",
    needs="weights",
    example=Example(
        tensors={"a": [1, 1], "b": [2, 1], "c": [1, 0]},
        keys={"a": "a", "b": "b", "c": "c"},
        result=[1.9, 1],
    ),
)
def train_difference(
    a: Annotated[Tensor, "the model to change"],
    b: Annotated[Tensor, "the model whose style is added"],
    c: Annotated[Tensor, "what `b` was trained from"],
    alpha: Annotated[float, "how much of it"] = 1.0,
) -> Tensor:
    """A model plus what another learnt, as if it had been trained further on the same.

    What is added is the smaller, the nearer `a` already is to `b`. Where all three are equal it is nothing.
    A NaN spreads.
    """
    learnt, away = b - c, abs(b - a)
    divisor = away + abs(learnt)
    share = away / (divisor + divisor.equals(0.0))
    return a + learnt * share * (_STRENGTH * alpha)
