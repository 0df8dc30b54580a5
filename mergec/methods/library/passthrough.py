"""A model as it is, or scaled."""

from __future__ import annotations

from typing import Annotated

from mergec.ir.expression import Tensor
from mergec.methods.example import Example
from mergec.methods.method import method


@method(
    reference="mergekit's method of the same name",
    formula="s x",
    gives="as inputs",
    example=Example(tensors={"a": [1, -2]}, keys={"model": "a", "scale": 0.5}, result=[0.5, -1]),
)
def passthrough(
    model: Annotated[Tensor, "the model"],
    scale: Annotated[float, "the factor"] = 1.0,
) -> Tensor:
    """A model with its tensors multiplied, such as down projections of repeated layers by 0.

    A scale of 1 gives its bytes. A scale of 0 gives zeros, whatever the tensor holds; under another one a NaN
    stays a NaN.
    """
    return model * 0.0 + 0.0 if scale == 0.0 else model * scale
