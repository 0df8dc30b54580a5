"""Similarity add difference."""

from __future__ import annotations

from typing import Annotated

from mergec.ir.expression import Tensor
from mergec.methods.example import Example
from mergec.methods.method import method


@method(
    reference="sd-meh: similarity_add_difference",
    formula="(1-s) (A + α (B - C)) + s ((1 - α/2) A + (α/2) B), s = β (A B / max(|A|, |B|)² + 1) / 2",
    gives="weights",
    needs="weights",
    example=Example(
        tensors={"a": [2, 2], "b": [2, -2], "c": [1, 1]},
        keys={"a": "a", "b": "b", "c": "c", "alpha": 1},
        result=[2, -1],
    ),
)
def similarity_add_difference(
    a: Annotated[Tensor, "the model to change"],
    b: Annotated[Tensor, "the model whose style is added"],
    c: Annotated[Tensor, "what `b` was trained from"],
    alpha: Annotated[float, "how much of it"],
    beta: Annotated[float, "how much likeness counts"] = 1.0,
) -> Tensor:
    """Difference added where two models are unlike, and a weighted sum taken where they are alike.

    Elements that are both 0 are alike. A NaN spreads.
    """
    different = a + (b - c) * alpha
    if beta == 0:
        return different
    largest = abs(a).maximum(abs(b))
    divisor = largest + largest.equals(0.0)
    likeness = (a / divisor) * (b / divisor) + largest.equals(0.0)
    share = (likeness + 1.0) * (0.5 * beta)
    alike = a * (1.0 - alpha / 2) + b * (alpha / 2)
    return different * (-share + 1.0) + alike * share
