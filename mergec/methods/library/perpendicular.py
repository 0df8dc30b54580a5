"""Perpendicular difference."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from mergec.ir.expression import Tensor
from mergec.ir.reductions import gram, scalars
from mergec.methods.example import Example
from mergec.methods.method import method
from mergec.methods.pieces.span import combination

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


@method(
    reference="sd-mecha: add_perpendicular",
    formula="A + α (q - (p·q / p·p) p), p = A - C, q = B - C",
    gives="weights",
    needs="weights",
    example=Example(
        tensors={"a": [2, 0], "b": [3, 5], "c": [0, 0]},
        keys={"a": "a", "b": "b", "c": "c"},
        result=[2, 5],
    ),
)
def perpendicular(
    a: Annotated[Tensor, "the model to change"],
    b: Annotated[Tensor, "the model whose style is added"],
    c: Annotated[Tensor, "what `b` was trained from"],
    alpha: Annotated[float, "how much of it"] = 1.0,
) -> Tensor:
    """A model plus the part of what another learnt that is at a right angle to what the model itself learnt.

    Each tensor is seen as one vector. A NaN in a tensor makes all of it NaN.
    """
    if alpha == 0:
        return a
    own, learnt = a - c, b - c
    coefficients = scalars(_coefficients, gram([own, learnt]), size=2, constants=(alpha,))
    return a + combination([own, learnt], coefficients)


def _coefficients(products: NDArray[Any], alpha: float) -> Sequence[float]:
    along = products[0, 1] / products[0, 0] if products[0, 0] != 0 else 0.0
    return [-alpha * along, alpha]
