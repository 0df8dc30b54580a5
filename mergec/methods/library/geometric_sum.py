"""Geometric sum."""

from __future__ import annotations

from typing import Annotated

from mergec.ir.expression import Tensor
from mergec.methods.example import Example
from mergec.methods.method import method
from mergec.methods.range import Range

_PI = 3.141592653589793


@method(
    reference="sd-mecha: geometric_sum",
    formula="the real part of A^(1-α) B^α",
    gives="as inputs",
    example=Example(
        tensors={"a": [4, -4], "b": [9, -9]},
        keys={"a": "a", "b": "b", "alpha": 0.5},
        result=[6, -6],
    ),
)
def geometric_sum(
    a: Annotated[Tensor, "the model at α = 0"],
    b: Annotated[Tensor, "the model at α = 1"],
    alpha: Annotated[float, "how far from `a` to `b`", Range(0, 1)],
) -> Tensor:
    """Product of powers of two models.

    Where both have one sign it is the geometric mean with that sign; where they differ, the real part of the
    complex product, which is 0 half way. α = 0 and 1 give the bytes of the models. A NaN spreads.
    """
    if alpha == 0.0:
        return a
    if alpha == 1.0:
        return b
    size = abs(a).power(1.0 - alpha) * abs(b).power(alpha)
    angle = a.below(0.0) * ((1.0 - alpha) * _PI) + b.below(0.0) * (alpha * _PI)
    return size * angle.cos()
