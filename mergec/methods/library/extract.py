"""Extract."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Annotated, Any

from mergec.ir.expression import Tensor
from mergec.ir.reductions import row_products, scalars
from mergec.methods.example import Example
from mergec.methods.method import method
from mergec.methods.range import Range

if TYPE_CHECKING:
    from numpy.typing import NDArray


@method(
    reference="SuperMerger: extract",
    formula="A + ((1-α) p + α q) ((1-β) f + β (1-f)), p = B - A, q = C - A, f = ((cos(p, q) + 1) / 2)^γ",
    gives="weights",
    needs="weights",
    example=Example(
        tensors={"a": [[0, 0]], "b": [[2, 0]], "c": [[4, 0]]},
        keys={"a": "a", "b": "b", "c": "c", "alpha": 0.5, "beta": 0},
        result=[[3, 0]],
    ),
)
def extract(
    a: Annotated[Tensor, "the model that both others came from"],
    b: Annotated[Tensor, "the one"],
    c: Annotated[Tensor, "the other"],
    alpha: Annotated[float, "the share of the other"],
    beta: Annotated[float, "0 for what both learnt, 1 for what only one did"],
    gamma: Annotated[float, "how sharply likeness counts", Range(above=0)] = 1.0,
) -> Tensor:
    """What two models have in common beyond a third, or what they have not.

    Likeness is the cosine of the two differences along the last axis. A row of zeros is like nothing and
    unlike nothing: its cosine is 0. A NaN in a row makes all of it NaN.
    """
    shape = a.shape
    last = shape[-1] if shape else 1
    rows = prod(shape[:-1])
    one, other = (x - a for x in (b, c))
    flat = [x.reshape(rows, last) for x in (one, other)]
    shares = scalars(_shares, row_products(flat), size=rows, constants=(beta, gamma)).reshape(rows, 1)
    mixed = (flat[0] * (1.0 - alpha) + flat[1] * alpha) * shares.cast(flat[0].dtype)
    return a + mixed.reshape(*shape)


def _shares(products: NDArray[Any], beta: float, gamma: float) -> NDArray[Any]:
    import numpy as np

    sizes = np.sqrt(products[:, 0, 0] * products[:, 1, 1])
    cosine = np.where(sizes == 0, 0.0, np.clip(products[:, 0, 1] / sizes, -1.0, 1.0))
    likeness = ((cosine + 1) / 2) ** gamma
    shares: NDArray[Any] = (1 - beta) * likeness + beta * (1 - likeness)
    return shares
