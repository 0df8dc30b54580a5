"""RAM."""

from __future__ import annotations

from typing import Annotated

from mergec.ir.expression import Tensor
from mergec.methods.example import Example
from mergec.methods.method import method
from mergec.methods.pieces.active import active_masks
from mergec.methods.pieces.span import added
from mergec.methods.range import Range


@method(
    reference="arXiv:2601.13572",
    formula="b + Σ a_i d_i / max(Σ a_i, 1), a_i = 1 where |d_i| > ε",
    gives="weights",
    needs="weights",
    example=Example(
        tensors={"base": [0, 0, 0], "a": [2, 4, 0], "b": [0, 2, 0]},
        keys={"base": "base", "inputs": ["a", "b"]},
        result=[2, 3, 0],
    ),
)
def ram(
    base: Annotated[Tensor, "the model that the others were trained from"],
    inputs: Annotated[list[Tensor], "the fine-tunes"],
    epsilon: Annotated[float, "what is not larger is no change", Range(least=0)] = 1e-5,
) -> Tensor:
    """The base plus what only one fine-tune changed, whole, and the mean of what several changed.

    A NaN spreads.
    """
    deltas = [one - base for one in inputs]
    active, kept = active_masks(deltas, epsilon)
    return base + added(kept) / added(active).maximum(1.0)
