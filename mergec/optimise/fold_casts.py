"""Casts that change nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mergec.ir.dtype import DType
from mergec.ir.primitives import CAST
from mergec.optimise.rewrite import rewrite

if TYPE_CHECKING:
    from mergec.ir.graph import CheckedGraph, Graph, Node, NodeId

# Every value of the key is a value of each dtype in the set.
_CONTAINED_IN: dict[DType, frozenset[DType]] = {
    DType.F16: frozenset({DType.F32, DType.F64}),
    DType.BF16: frozenset({DType.F32, DType.F64}),
    DType.F32: frozenset({DType.F64}),
}


def fold_casts(checked: CheckedGraph) -> CheckedGraph:
    """Leave out casts to the dtype that is there, and casts that widen before another cast.

    Before: `cast(cast(read, float32), bfloat16)` of a bfloat16 tensor; after: `read`, whose bytes can
    be copied. Exact, because widening loses nothing.
    """
    return rewrite(checked, _concerns, _rule)


def _concerns(graph: Graph, node: Node) -> bool:
    if node.primitive is not CAST:
        return False
    value = graph[node.inputs[0]]
    return value.primitive is CAST or value.type.dtype is node.attributes[0]


def _rule(graph: Graph, node: Node, inputs: tuple[NodeId, ...]) -> NodeId | None:
    if node.primitive is not CAST:
        return None
    (value,) = inputs
    wanted: DType = node.attributes[0]
    inner = graph[value]
    if inner.primitive is CAST:
        original = graph.type(inner.inputs[0]).dtype
        if inner.type.dtype in _CONTAINED_IN.get(original, frozenset()):
            value = inner.inputs[0]
    if graph.type(value).dtype is wanted:
        return value
    return graph.add(CAST, (value,), (wanted,), node.origin)
