"""What models differ by from their base."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mergec.ir.expression import Tensor


class Delta(NamedTuple):
    """A model's difference from the base, its weight, and its place in the list of models."""

    tensor: Tensor
    weight: float
    at: int


def deltas_of(base: Tensor, inputs: Sequence[Tensor], weight: Sequence[float]) -> list[Delta]:
    """The differences of the models that take part: one of weight 0 is as if it were not listed."""
    return [
        Delta(model - base, share, at)
        for at, (model, share) in enumerate(zip(inputs, weight, strict=True))
        if share != 0
    ]
