"""Riemannian mean on the sphere."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from mergec.ir.expression import Tensor
from mergec.ir.reductions import gram, scalars
from mergec.methods.example import Example
from mergec.methods.method import method
from mergec.methods.parameter import Compat, Constant
from mergec.methods.pieces.span import combination
from mergec.methods.pieces.sparse_merges import weight_sum
from mergec.methods.range import Range

if TYPE_CHECKING:
    from numpy.typing import NDArray


@method(
    reference="Karcher 1977, doi:10.1002/cpa.3160300502",
    formula="u Σ a_i ‖x_i‖, u being the unit vector with the least Σ a_i angle(u, x_i)²",
    gives="as inputs",
    example=Example(
        tensors={"a": [3, 0], "b": [0, 1]},
        keys={"inputs": ["a", "b"]},
        result=[1.414214, 1.414214],
    ),
)
def karcher(
    inputs: Annotated[list[Tensor], "the models"],
    weight: Annotated[list[float], "the weight of each model"] = 1.0,  # type: ignore[assignment]
    *,
    max_iter: Annotated[int, "the most steps to take", Range(least=1)] = 10,
    tol: Annotated[Constant, "a step shorter than this is the last", Range(above=0)] = 1e-5,
    compat: Compat = None,
) -> Tensor:
    """Mean of directions on the sphere, times the mean norm; each tensor seen as one vector.

    All steps are taken in the coefficients of the models, from one set of dot products: the tensors are read
    twice, however many steps there are. A tensor of zeros has no direction, but counts in the mean norm. The
    mean of two opposite tensors has the direction of the first. A NaN in a tensor makes all of it NaN.
    """
    total = weight_sum(weight, None)
    listed = [(one, share / total) for one, share in zip(inputs, weight, strict=True) if share != 0]
    vectors, shares = [one for one, _ in listed], tuple(share for _, share in listed)
    least = tol if compat is not None else 0.0
    constants = (max_iter, tol, least, *shares)
    return combination(vectors, scalars(_mean, gram(vectors), size=len(vectors), constants=constants))


def _mean(products: NDArray[Any], max_iter: int, tol: float, least: float, *shares: float) -> NDArray[Any]:
    import numpy as np

    weights = np.array(shares)
    norms = np.sqrt(np.diag(products))
    if not np.isfinite(norms).all():
        return np.full(len(norms), np.nan)
    has_direction = norms > least
    if not has_direction.any():
        return np.zeros(len(norms))
    inverse = np.where(has_direction, 1 / norms, 0.0)
    cosines = products * inverse[:, None] * inverse  # of the directions with each other
    turned = _turned(cosines, np.where(has_direction, weights, 0.0), has_direction, max_iter, tol)
    return turned * inverse * float(weights @ norms)


def _turned(
    cosines: NDArray[Any], weights: NDArray[Any], has_direction: NDArray[Any], max_iter: int, tol: float
) -> NDArray[Any]:
    """The mean direction, as coefficients of the directions."""
    import numpy as np

    def length(of: NDArray[Any]) -> float:
        return float(np.sqrt(max(of @ cosines @ of, 0.0)))

    weights = weights / weights.sum()
    mean = weights
    if length(mean) < tol:
        mean = np.zeros(len(weights))
        mean[int(np.argmax(has_direction))] = 1.0
    mean = mean / length(mean)
    for _ in range(max_iter):
        cosine = np.clip(cosines @ mean, -1.0, 1.0)
        angle = np.arccos(cosine)
        counts = has_direction & (angle >= tol) & (angle <= np.pi - tol)
        pull = np.where(counts, weights * angle / np.sin(angle), 0.0)
        step = pull - float(pull @ cosine) * mean
        distance = length(step)
        if distance < tol:
            break
        mean = np.cos(distance) * mean + np.sin(distance) / distance * step
        mean = mean / length(mean)
    return mean
