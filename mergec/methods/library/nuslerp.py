"""Spherical interpolation by weights, of whole tensors, rows or columns."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Annotated, Any, Literal

from mergec.ir.dtype import DType
from mergec.ir.expression import Tensor
from mergec.ir.reductions import column_products, gram, row_products, scalars
from mergec.methods.example import Example
from mergec.methods.method import MethodError, method
from mergec.methods.parameter import Compat
from mergec.methods.pieces.span import combination

if TYPE_CHECKING:
    from numpy.typing import NDArray

Vectors = Literal["tensor", "rows", "columns"]


@method(
    reference="Shoemake 1985, doi:10.1145/325334.325242",
    formula="slerp(x_0, x_1, w_1 / (w_0 + w_1)), or b + slerp(x_0 - b, x_1 - b, ...), vector by vector",
    gives="as inputs",
    needs_inputs=2,
    most_inputs=2,
    example=Example(
        tensors={"a": [[1, 0], [0, 3]], "b": [[0, 1], [0, 1]]},
        keys={"inputs": {"a": 1, "b": 1}, "vectors": "rows"},
        result=[[0.707107, 0.707107], [0, 2]],
    ),
)
def nuslerp(
    inputs: Annotated[list[Tensor], "the two models"],
    weight: Annotated[list[float], "the weight of each: t is the second's share"],
    base: Annotated[Tensor | None, "a model whose differences from the two are turned instead"] = None,
    *,
    vectors: Annotated[Vectors, "what is one vector: a tensor, each row, or each column"] = "tensor",
    compat: Compat = None,
) -> Tensor:
    """Point on the arc between two models, or between two differences from a base.

    A row is all that one index of the first axis holds, a column all that one index of the other axes does;
    a tensor with one axis is one vector. Where two vectors are parallel or opposite, or one is 0, the point
    is on the straight line. A NaN in a vector makes all of it NaN.

    `compat: mergekit-0.1` takes 0.5 for t where the weights cancel, a vector of zeros for one at a
    right angle to all others, and rows along the last axis.
    """
    as_mergekit = compat is not None
    t = _share(*weight, as_mergekit=as_mergekit)
    pair = [one - base for one in inputs] if base is not None else list(inputs)
    shape = pair[0].shape
    if len(shape) < 2 or vectors == "tensor":
        found = scalars(_one_arc, gram(pair), size=2, constants=(t, as_mergekit))
        point = combination(pair, found)
    else:
        if vectors == "rows" and as_mergekit:
            pair = [one.reshape(prod(shape[:-1]), shape[-1]) for one in pair]
        point = _by_vectors(pair, t, vectors, as_mergekit=as_mergekit).reshape(*shape)
    return point if base is None else base + point


def _by_vectors(pair: list[Tensor], t: float, vectors: Vectors, *, as_mergekit: bool) -> Tensor:
    shape = pair[0].shape
    if vectors == "rows":
        products, factor = row_products(pair), (shape[0], *(1 for _ in shape[1:]))
    else:
        products, factor = column_products(pair), (1, *shape[1:])
    count = prod(factor)
    found = scalars(_arcs, products, size=2 * count, constants=(t, as_mergekit)).reshape(2, count)
    dtype = DType.F64 if pair[0].dtype is DType.F64 else DType.F32
    shares = [found.part(0, at, at + 1).reshape(*factor).cast(dtype) for at in range(2)]
    return pair[0] * shares[0] + pair[1] * shares[1]


def _share(first: float, second: float, *, as_mergekit: bool) -> float:
    total = first + second
    if as_mergekit and abs(total) < 1e-6:
        return 0.5
    if total == 0:
        raise MethodError("the weights sum to 0 and cannot be shares")
    return second / total


def _one_arc(products: NDArray[Any], t: float, as_mergekit: bool) -> NDArray[Any]:  # noqa: FBT001  # by position
    return _arcs(products[None], t, as_mergekit)


def _arcs(products: NDArray[Any], t: float, as_mergekit: bool) -> NDArray[Any]:  # noqa: FBT001  # by position
    """All coefficients of the first vectors, then all of the second."""
    from mergec.methods.pieces.arcs import PARALLEL, arc

    return arc(products, t, PARALLEL, 1e-7 if as_mergekit else 0.0).T
