"""Spherical interpolation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from mergec.ir.expression import Tensor
from mergec.ir.reductions import gram, scalars
from mergec.methods.example import Example
from mergec.methods.method import method
from mergec.methods.parameter import Compat
from mergec.methods.pieces.span import combination

if TYPE_CHECKING:
    from numpy.typing import NDArray


@method(
    reference="Shoemake 1985, doi:10.1145/325334.325242",
    formula="sin((1-t)ω)/sin ω x_0 + sin(tω)/sin ω x_1, ω being the angle between x_0 and x_1",
    gives="as inputs",
    needs_inputs=2,
    most_inputs=2,
    example=Example(
        tensors={"a": [1, 0], "b": [0, 2]},
        keys={"inputs": ["a", "b"], "t": 0.5},
        result=[0.707107, 1.414214],
    ),
)
def slerp(
    inputs: Annotated[list[Tensor], "the model at t = 0 and the one at t = 1"],
    t: Annotated[float, "how far from the first to the second"],
    *,
    compat: Compat = None,
) -> Tensor:
    """Point on the arc between two models, each tensor seen as one vector.

    The coefficients are those of unit vectors and are applied to the tensors as they are. Where two tensors
    are parallel or opposite, or one is 0, the point is on the straight line. t = 0 gives the bytes of the
    first model, t = 1 those of the second, and t outside 0 to 1 goes on along the circle. A NaN in a tensor
    makes all of it NaN.

    `compat: mergekit-0.1` takes the straight line from |cos ω| = 0.9995 on, and a tensor of zeros for one at
    a right angle to all others.
    """
    first, second = inputs
    if t == 0.0:
        return first
    if t == 1.0:
        return second
    coefficients = scalars(_on_arc, gram(inputs), size=2, constants=(t, compat is not None))
    return combination([first, second], coefficients)


def _on_arc(products: NDArray[Any], t: float, as_mergekit: bool) -> NDArray[Any]:  # noqa: FBT001  # by position
    from mergec.methods.pieces.arcs import PARALLEL, arc

    parallel, least_norm = (1 - 0.9995**2, 1e-8) if as_mergekit else (PARALLEL, 0.0)
    return arc(products[None], t, parallel, least_norm)
