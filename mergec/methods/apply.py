"""Adding task vectors."""

from __future__ import annotations

from typing import Annotated

from mergec.ir.expression import Tensor
from mergec.methods.method import method


@method(reference="arXiv:2212.04089", delta_inputs=True)
def apply(
    base: Annotated[Tensor, "the model to change"],
    deltas: Annotated[list[Tensor], "the deltas to add"],
    strength: Annotated[list[float], "the factor of each delta"],
) -> Tensor:
    """A model plus scaled deltas: base + s_1 d_1 + s_2 d_2 + ...

    Each delta is an `op: delta`, a source of `kind: delta`, or arithmetic of degree 0. Negative
    strengths take a skill away.
    """
    result = base
    for difference, factor in zip(deltas, strength, strict=True):
        result = result + difference * factor
    return result
