"""More or fewer rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from mergec.ir.dtype import DType
from mergec.ir.expression import Tensor, concatenated
from mergec.ir.primitives import FILL, NORMAL
from mergec.ir.random_primitives import GENERATED
from mergec.ir.strided_view import StridedView
from mergec.steps.init import NormalFill

if TYPE_CHECKING:
    from mergec.ir.strided_view import Shape

Pad = Literal["mean", "zeros"] | NormalFill


def with_rows(value: Tensor, rows: int, pad: Pad | None, seed: int, name: str) -> Tensor:
    """The value with its first `rows` rows, or with rows after its own that `pad` describes."""
    old, *rest = value.shape
    if rows <= old:
        return value.part(0, 0, rows)
    assert pad is not None
    return concatenated([value, _new_rows(value, (rows - old, *rest), pad, seed, name)], 0)


def _new_rows(value: Tensor, shape: Shape, pad: Pad, seed: int, name: str) -> Tensor:
    graph, degree = value.graph, value.degree
    if pad == "zeros":
        return Tensor(graph, graph.add(FILL, (), (shape, value.dtype, 0.0, degree), value.origin))
    if pad == "mean":
        once = (shape[0], *(1 for _ in shape[1:]))
        ones = Tensor(graph, graph.add(FILL, (), (once, DType.F32, 1.0, degree), value.origin))
        return (value.mean_rows() * ones).cast(value.dtype)  # one row, repeated
    view = StridedView.contiguous(GENERATED, 0, DType.F32, shape)
    drawn = graph.add(NORMAL, (), (view, degree, seed, name, pad.normal), value.origin)
    return Tensor(graph, drawn, value.origin).cast(value.dtype)
