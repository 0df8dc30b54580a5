"""Geometric median."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from mergec.ir.expression import Tensor
from mergec.ir.reductions import gram, scalars
from mergec.methods.example import Example
from mergec.methods.method import method
from mergec.methods.parameter import Constant
from mergec.methods.pieces.span import added
from mergec.methods.range import Range

if TYPE_CHECKING:
    from numpy.typing import NDArray

_NEAREST = 1e-9  # a model counts as no nearer than this share of the largest distance between two


@method(
    reference="Weiszfeld 1937",
    formula="the point with the least Σ w_i ‖y - x_i‖",
    gives="as inputs",
    example=Example(
        tensors={"a": [0, 0], "b": [0, 0], "c": [9, 9]},
        keys={"inputs": ["a", "b", "c"]},
        result=[0, 0],
    ),
)
def geometric_median(
    inputs: Annotated[list[Tensor], "the models"],
    weight: Annotated[list[float], "the weight of each model", Range(above=0)] = 1.0,  # type: ignore[assignment]
    *,
    max_iter: Annotated[int, "the most steps to take", Range(least=1)] = 100,
    tol: Annotated[Constant, "the last step changes no coefficient by more", Range(least=0)] = 1e-12,
) -> Tensor:
    """The point with the least summed distance to the models, each tensor seen as one vector.

    A model that is far from all others pulls no more than one that is near. All steps are taken in the
    coefficients of the models, from one set of dot products of their differences from the first: the tensors
    are read twice, however many steps there are. A NaN in a tensor makes all of it NaN.
    """
    first, *others = inputs
    if not others:
        return first
    away = [one - first for one in others]
    constants = (max_iter, tol, *weight)
    coefficients = scalars(_coefficients, gram(away), size=len(away), constants=constants)
    return first + added([one * coefficients[at] for at, one in enumerate(away)])


def _coefficients(products: NDArray[Any], max_iter: int, tol: float, *weights: float) -> NDArray[Any]:
    """Those of all models but the first, which has what is missing to 1."""
    import numpy as np

    count = len(weights)
    whole = np.zeros((count, count))
    whole[1:, 1:] = products
    shares: NDArray[Any] = np.array(weights)
    shares = shares / shares.sum()
    if not np.isfinite(whole).all():
        return np.full(count - 1, np.nan)
    squares = np.diag(whole)
    distances = np.sqrt(np.maximum(squares[:, None] + squares - 2 * whole, 0.0))
    nearest = _NEAREST * float(distances.max())
    if nearest == 0:
        return shares[1:]
    found: NDArray[Any] = shares
    for _ in range(max_iter):
        away = np.eye(count) - found
        distance = np.sqrt(np.maximum(np.einsum("ni,ij,nj->n", away, whole, away), 0.0))
        pull = shares / np.maximum(distance, nearest)
        previous, found = found, pull / pull.sum()
        if np.abs(found - previous).max() <= tol:
            break
    return found[1:]
