"""Terms of weight 0 and factors of 1."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mergec.ir.primitives import ADD, CAST, SCALE, WITH_DEGREE
from mergec.optimise.rewrite import rewrite

if TYPE_CHECKING:
    from mergec.ir.graph import CheckedGraph, Graph, Node, NodeId


def drop_weights(checked: CheckedGraph) -> CheckedGraph:
    """Leave out what multiplies by 1 and what adds a term of weight 0.

    Before: `add(scale(a, 1), scale(b, 0))`; after: `cast(a, float32)`, and `b` is not read. Exact,
    because a scale by 0 is defined as -0.0 everywhere, the one value that changes no sum.
    """
    return rewrite(checked, _concerns, _rule)


def _concerns(_: Graph, node: Node) -> bool:
    return node.primitive is WITH_DEGREE or (node.primitive is SCALE and node.attributes[0] in {0.0, 1.0})


def _rule(graph: Graph, node: Node, inputs: tuple[NodeId, ...]) -> NodeId | None:
    if node.primitive is WITH_DEGREE:
        return inputs[0]
    if node.primitive is SCALE and node.attributes[0] == 1.0:
        return _widened(graph, inputs[0], node)
    if node.primitive is ADD:
        for kept, dropped in (inputs, inputs[::-1]):
            if graph[dropped].primitive is SCALE and graph[dropped].attributes[0] == 0.0:
                return _widened(graph, kept, node)
    return None


def _widened(graph: Graph, value: NodeId, node: Node) -> NodeId:
    """The value in the dtype that the node it replaces would have computed in."""
    if graph.type(value).dtype is node.type.dtype:
        return value
    return graph.add(CAST, (value,), (node.type.dtype,), node.origin)
