"""MagMax."""

from __future__ import annotations

from typing import Annotated

from mergec.ir.expression import Tensor
from mergec.methods.example import Example
from mergec.methods.method import method


@method(
    reference="arXiv:2407.06322",
    formula="b + λ d_j, j being the model with the largest |x_j - b| at the element",
    gives="weights",
    needs="weights",
    example=Example(
        tensors={"base": [1, 1], "a": [3, 0], "b": [2, 3]},
        keys={"base": "base", "inputs": ["a", "b"]},
        result=[3, 3],
    ),
)
def magmax(
    base: Annotated[Tensor, "the model that the others were trained from"],
    inputs: Annotated[list[Tensor], "the fine-tunes"],
    lambda_: Annotated[float, "the factor of what is added to the base"] = 1.0,
) -> Tensor:
    """The base plus, element by element, the difference that is largest by magnitude.

    Of equal ones the first model's is taken. A NaN spreads.
    """
    chosen, *others = (one - base for one in inputs)
    size = abs(chosen)
    for other in others:
        # A NaN that was chosen stays, as nothing is larger; one that comes is taken, as it is not below.
        keeps = abs(other).above(size)
        is_number = other.equals(other)
        takes = is_number.where(keeps, keeps + 1.0)
        chosen = takes.where(other, chosen)
        size = takes.where(abs(other), size)
    return base + chosen * lambda_
