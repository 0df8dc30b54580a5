"""Adding task vectors and weight deltas."""

from __future__ import annotations

from typing import Annotated

from mergec.ir.expression import Tensor
from mergec.methods.example import Example
from mergec.methods.method import method
from mergec.methods.pieces.rounding import Arithmetic, rounded
from mergec.methods.pieces.top_left import added, holds


@method(
    reference="arXiv:2212.04089",
    formula="base + Σ s_i d_i",
    needs="delta",
    may_grow=True,
    example=Example(
        tensors={"base": [1, 2], "math": [0.5, -1]},
        keys={"base": "base", "deltas": {"math": {"strength": 0.5}}},
        result=[1.25, 1.5],
        deltas=("math",),
    ),
)
def apply(
    base: Annotated[Tensor, "the model to change"],
    deltas: Annotated[list[Tensor], "the deltas to add"],
    strength: Annotated[list[float], "the factor of each delta"],
    *,
    arithmetic: Annotated[Arithmetic, "the dtype that each step is rounded to"] = "float32",
) -> Tensor:
    """A model plus scaled deltas: base + s_1 d_1 + s_2 d_2 + ...

    Each delta is an `op: delta`, a source of `kind: delta`, or arithmetic of degree 0. Negative
    strengths take a skill away. A NaN stays one, where its strength is not 0.

    Weight deltas, as the Vicuna and LLaVA releases were shipped, may be larger than the base: with
    `larger: top_left` the rows that an extended vocabulary added are those of the delta, scaled by its
    strength, and `new:` adds tensors that only the delta holds, such as a connector. `vocab_size` in
    config.json follows. `arithmetic: float16` gives the bytes of the scripts that came with them, which
    load both sides as float16 and add in it; the default computes in float32 and rounds once.
    """
    result = rounded(base, arithmetic)
    for difference, factor in zip(deltas, strength, strict=True):
        change = rounded(rounded(difference, arithmetic) * factor, arithmetic)
        # A smaller delta is one to another base: the plain sum is there for `check` to refuse.
        is_fit = holds(difference.shape, base.shape)
        result = rounded(added(result, change) if is_fit else base + change, arithmetic)
    return result
