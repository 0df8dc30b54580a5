"""Straight line between two models."""

from __future__ import annotations

from typing import Annotated

from mergec.ir.expression import Tensor
from mergec.methods.example import Example
from mergec.methods.method import method


@method(
    reference="arXiv:2109.01903",
    formula="(1 - t) from + t to",
    gives="weighted sum",
    example=Example(
        tensors={"a": [1, 2], "b": [3, 6]}, keys={"from": "a", "to": "b", "t": 0.25}, result=[1.5, 3]
    ),
)
def interpolate(
    from_: Annotated[Tensor, "the model at t = 0"],
    to: Annotated[Tensor, "the model at t = 1"],
    t: Annotated[float, "how far from `from` to `to`"],
) -> Tensor:
    """Point on the line between two models: (1 - t) from + t to.

    WiSE-FT and block-weighted merges of two models are this. t = 0 gives the bytes of `from`,
    t = 1 those of `to`; t outside 0 to 1 extrapolates. Between the two a NaN of either is a NaN.
    """
    return from_ * (1.0 - t) + to * t
