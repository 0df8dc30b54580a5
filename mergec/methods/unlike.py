"""Tensors of one name that no method can take together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mergec.ir.expression import Tensor

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mergec.ir.graph import NodeId
    from mergec.methods.method import Method
    from mergec.steps.operation import Call


def unlike(method: Method, nodes: Sequence[NodeId], call: Call) -> NodeId | None:
    """A sum for `check` to refuse: of the first of the nodes, and one of another shape or without arithmetic.

    None where the method can be asked. One that was asked about tensors of different shapes would fail
    somewhere inside, or give an expression that is wrong in many places at once.
    """
    if method.may_grow:  # it has a rule of its own for larger tensors
        return None
    first, *others = [Tensor(call.graph, node, call.span) for node in nodes]
    for other in others:
        types = [call.graph.type(tensor.node) for tensor in (first, other)]
        if first.shape != other.shape or not all(type_.dtype.is_float for type_ in types):
            return (first + other).node
    return None
