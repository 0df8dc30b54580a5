"""A method of one's own, in a file that a recipe names under `plugins`."""

import math
from collections.abc import Sequence
from typing import Annotated

from mergec.plugin import Example, Range, Tensor, gram, method, scalars


@method(
    reference="none: the example of docs/own-methods.md",
    formula="base + Σ d_i min(1, limit |base| / |d_i|), where d_i = x_i - base",
    gives="weights",
    needs="weights",
    example=Example(
        tensors={"base": [3.0, 4.0], "tuned": [3.0, 14.0]},
        keys={"base": "base", "inputs": ["tuned"], "limit": 0.5},
        result=[3.0, 6.5],
    ),
)
def clipped(
    base: Annotated[Tensor, "the model that the others were trained from"],
    inputs: Annotated[list[Tensor], "the fine-tunes"],
    limit: Annotated[float, "the longest difference, as a part of the length of the base", Range(above=0)],
) -> Tensor:
    """Task arithmetic in which no difference is longer than a part of the base.

    The lengths are those of whole tensors. A NaN makes the tensor NaN.
    """
    deltas = [tensor - base for tensor in inputs]
    shares = scalars(_shares, gram([base, *deltas]), size=len(deltas), constants=(limit,))
    result = base
    for i, delta in enumerate(deltas):
        result = result + delta * shares[i]
    return result


def _shares(products: Sequence[Sequence[float]], limit: float) -> list[float]:
    """How much of each difference is kept, from all dot products."""
    longest = limit * math.sqrt(products[0][0])
    lengths = [math.sqrt(products[i][i]) for i in range(1, len(products))]
    return [min(1.0, longest / length) if length else 1.0 for length in lengths]
