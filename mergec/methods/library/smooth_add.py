"""Smooth add."""

from __future__ import annotations

from typing import Annotated

from mergec.ir.expression import Tensor
from mergec.methods.example import Example
from mergec.methods.method import method


@method(
    reference="SuperMerger: smoothAdd",
    formula="A + α G(M(B - C)), M the median of 3 on each axis, G a Gaussian of deviation 1",
    gives="weights",
    needs="weights",
    example=Example(
        tensors={"a": [[1, 1], [1, 1]], "b": [[3, 3], [3, 3]], "c": [[1, 1], [1, 1]]},
        keys={"a": "a", "b": "b", "c": "c", "alpha": 0.5},
        result=[[2, 2], [2, 2]],
    ),
)
def smooth_add(
    a: Annotated[Tensor, "the model to change"],
    b: Annotated[Tensor, "the model whose style is added"],
    c: Annotated[Tensor, "what `b` was trained from"],
    alpha: Annotated[float, "how much of it"] = 1.0,
) -> Tensor:
    """A model plus what another learnt, smoothed over neighbouring elements.

    The filters see each tensor as a picture with as many axes as it has; beyond its edge lies its reflection.
    An `alpha` of 0 gives the bytes of `a`. The difference of a tensor is held whole. A NaN spreads to its
    neighbours.
    """
    if alpha == 0.0:
        return a
    return a + (b - c).median_filter().gaussian_filter() * alpha
