"""Multiply difference."""

from __future__ import annotations

from typing import Annotated

from mergec.ir.expression import Tensor
from mergec.methods.example import Example
from mergec.methods.method import method
from mergec.methods.range import Range


@method(
    reference="sd-meh: multiply_difference",
    formula="C + sgn((1-β) A + β B - C) |A - C|^(1-α) |B - C|^α",
    gives="weights",
    needs="weights",
    example=Example(
        tensors={"a": [4, -4], "b": [9, 9], "c": [0, 0]},
        keys={"a": "a", "b": "b", "c": "c", "alpha": 0.5, "beta": 0},
        result=[6, -6],
    ),
)
def multiply_difference(
    a: Annotated[Tensor, "the one"],
    b: Annotated[Tensor, "the other"],
    c: Annotated[Tensor, "what both were trained from"],
    alpha: Annotated[float, "the share of the other in the size of the change", Range(0, 1)],
    beta: Annotated[float, "the share of the other in its sign"],
) -> Tensor:
    """The geometric mean of what two models learnt, with the sign of their weighted sum.

    A sign of 0 counts as plus. A NaN spreads.
    """
    size = abs(a - c).power(1.0 - alpha) * abs(b - c).power(alpha)
    direction = a * (1.0 - beta) + b * beta - c
    signed = direction.below(0.0).where(-size, size)
    return c + direction.equals(direction).where(signed, direction)
