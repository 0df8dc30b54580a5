"""Tensors of one number."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mergec.ir import primitives
from mergec.ir.expression import Tensor

if TYPE_CHECKING:
    from mergec.ir.strided_view import Shape


def constant(value: float, like: Tensor, shape: Shape | None = None) -> Tensor:
    """One number everywhere, in the dtype, of the degree and, unless given, in the shape of a tensor."""
    attributes = (like.shape if shape is None else shape, like.dtype, value, like.degree)
    return Tensor(like.graph, like.graph.add(primitives.FILL, (), attributes, like.origin), like.origin)
