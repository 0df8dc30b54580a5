"""Task vectors and weight deltas."""

from __future__ import annotations

from typing import Annotated

from mergec.ir.expression import Tensor
from mergec.methods.example import Example
from mergec.methods.method import method
from mergec.methods.pieces.rounding import Arithmetic, rounded
from mergec.methods.pieces.top_left import subtracted


@method(
    reference="arXiv:2212.04089",
    formula="of - base",
    may_grow=True,
    example=Example(
        tensors={"tuned": [1.5, 1], "base": [1, 2]},
        keys={"of": "tuned", "base": "base"},
        result=[0.5, -1],
    ),
)
def delta(
    of: Annotated[Tensor, "the trained model"],
    base: Annotated[Tensor, "what it was trained from"],
    *,
    arithmetic: Annotated[Arithmetic, "the dtype that each step is rounded to"] = "float32",
) -> Tensor:
    """Difference of two models, a task vector: of - base.

    The result is a delta, not a model: `apply` adds it to one. Where the trained model has a larger
    vocabulary, `larger: top_left` subtracts the base from the rows that both have and keeps the others
    whole; `new:` keeps tensors that only the trained model holds. A NaN in either is one in the delta.
    """
    return rounded(subtracted(rounded(of, arithmetic), rounded(base, arithmetic)), arithmetic)
