"""Swap what is near."""

from __future__ import annotations

from typing import Annotated

from mergec.ir.expression import Tensor
from mergec.methods.example import Example
from mergec.methods.method import method
from mergec.methods.parameter import Compat
from mergec.methods.range import Range


@method(
    reference="alchemonaut 2024, QuartetAnemoi-70B",
    formula="b + clamp(x - b, -t, t)",
    gives="weights",
    needs="weights",
    example=Example(
        tensors={"base": [0, 0, 0], "a": [0.5, -3, 2]},
        keys={"base": "base", "model": "a", "t": 1},
        result=[0.5, -1, 1],
    ),
)
def nearswap(
    base: Annotated[Tensor, "the model to change"],
    model: Annotated[Tensor, "the model whose values are taken where they are near"],
    t: Annotated[float, "how near", Range(least=0)],
    *,
    compat: Compat = None,
) -> Tensor:
    """The base with another model's values where they are near, and moved towards them by `t` elsewhere.

    A NaN spreads. `compat: mergekit-0.1` computes (1-w) b + w x with w = t / |x - b|, which differs for t
    below 1e-6.
    """
    difference = model - base
    if compat is not None:
        share = ((difference * 0.0 + t) / abs(difference).maximum(1e-6)).minimum(1.0).maximum(0.0)
        return base * (-share + 1.0) + model * share
    moved = base + difference.minimum(t).maximum(-t)
    return (-abs(difference)).at_least(-t).where(model, moved)
