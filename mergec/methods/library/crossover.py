"""Crossover."""

from __future__ import annotations

from typing import Annotated

from mergec.ir.expression import Tensor
from mergec.methods.example import Example
from mergec.methods.method import method
from mergec.methods.range import Range


@method(
    reference="sd-mecha: crossover",
    formula="A + F⁻¹(H F(B - A)), H = 1 for frequencies from the radius 1-α on, else 0",
    gives="as inputs",
    example=Example(
        tensors={"a": [0, 0, 0, 0], "b": [3, 1, 3, 1]},
        keys={"a": "a", "b": "b", "alpha": 0.25},
        result=[1, -1, 1, -1],
    ),
)
def crossover(
    a: Annotated[Tensor, "the model of low frequencies"],
    b: Annotated[Tensor, "the model of high frequencies"],
    alpha: Annotated[float, "the share of frequencies that are those of `b`", Range(0, 1)],
    tilt: Annotated[float, "0 for a sharp cut, 1 for a plain weighted sum", Range(0, 1)] = 0.0,
) -> Tensor:
    """The slow changes over a tensor of one model, and the fast ones of another.

    Each tensor is transformed over all its axes. A frequency's radius is the root of the mean of its squared
    shares of the highest one on each axis. An `alpha` of 0 or 1 gives the bytes of a model. The difference of
    a tensor is held whole, together with its frequencies. A NaN in a tensor makes all of it NaN.
    """
    if alpha == 0.0:
        return a
    if alpha == 1.0:
        return b
    if tilt == 1.0 or all(size == 1 for size in a.shape):
        return a * (1.0 - alpha) + b * alpha
    middle, reach = 1.0 - alpha, tilt / (1.0 - tilt)
    return a + (b - a).high_frequencies(middle - alpha * reach, middle + (1.0 - alpha) * reach)
