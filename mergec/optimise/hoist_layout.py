"""Joins and views moved to the outputs."""

from __future__ import annotations

from itertools import accumulate
from typing import TYPE_CHECKING

from mergec.ir.permutation_primitives import GATHER_ROWS
from mergec.ir.primitive import Locality
from mergec.ir.primitives import CONCAT, SLICE
from mergec.optimise.picked_rows import with_picked_rows
from mergec.optimise.reduced_parts import gathered_by_parts
from mergec.optimise.rewrite import rewrite
from mergec.optimise.slices import sliced
from mergec.optimise.views import hoisted, same_place, viewed

if TYPE_CHECKING:
    from mergec.ir.graph import CheckedGraph, Graph, Node, NodeId


_BY_ELEMENT = {Locality.ELEMENTWISE, Locality.UNIFORM}


def hoist_layout(checked: CheckedGraph) -> CheckedGraph:
    """Move every join and every view behind the arithmetic, and slices and picks of rows into the leaves.

    Before: `add(concat(a, b), c)`; after: `concat(add(a, c[:n]), add(b, c[n:]))`. What is left below
    is arithmetic over file regions, which a worker runs tile by tile, and each part of a joined
    output is a region of its own. What cannot be moved, such as a slice of a rotation's columns, stays
    where it is: schedule/ holds the value below it whole. Exact: no operand of any operation changes.
    """
    return rewrite(checked, _concerns, _rule)


def _concerns(_: Graph, node: Node) -> bool:
    return node.primitive.locality in {Locality.LAYOUT, Locality.VIEW, Locality.PICKED}


def _rule(graph: Graph, node: Node, inputs: tuple[NodeId, ...]) -> NodeId | None:
    if node.primitive is SLICE:
        return sliced(graph, inputs[0], *node.attributes)
    if node.primitive.locality is Locality.VIEW:
        return viewed(graph, inputs[0], (node.primitive, node.attributes[0]))
    if node.primitive is GATHER_ROWS:
        return with_picked_rows(graph, *inputs)
    if node.primitive.locality in {Locality.REDUCE, Locality.DECISION}:
        return gathered_by_parts(graph, node, inputs)
    joined = _joined_operand(graph, node, inputs)
    if joined is None:
        return hoisted(graph, node, inputs) if node.primitive.locality in _BY_ELEMENT else None
    (axis,) = graph[joined].attributes
    parts: list[NodeId] = []
    sizes = _sizes(graph, joined)
    # Of a rowwise node only the first operand comes row by row: the others are whole for every part.
    streamed = same_place(node)
    cuts = (
        _cut(graph, i, axis, sizes) if position < streamed else [i] * len(sizes)
        for position, i in enumerate(inputs)
    )
    for operands in zip(*cuts, strict=True):
        # A part may itself be joined along another axis: apply the rule to the piece as well.
        piece = _rule(graph, node, operands)
        if piece is None:
            piece = graph.add(node.primitive, operands, node.attributes, node.origin)
        parts.append(piece)
    return graph.add(CONCAT, tuple(parts), (axis,), node.origin)


def _joined_operand(graph: Graph, node: Node, inputs: tuple[NodeId, ...]) -> NodeId | None:
    """An operand that is put together from parts which the node can be applied to one by one."""
    if node.primitive.locality in _BY_ELEMENT:
        inputs = inputs[: same_place(node)]
        return next((i for i in inputs if _is_joined_along(graph, i, inputs)), None)
    if node.primitive.locality is Locality.ROWWISE:
        first = graph[inputs[0]]
        return inputs[0] if first.primitive is CONCAT and first.attributes == (0,) else None
    return None


def _is_joined_along(graph: Graph, node_id: NodeId, operands: tuple[NodeId, ...]) -> bool:
    """Whether a node is a join along an axis on which it is not repeated to fit the other operands."""
    node = graph[node_id]
    if node.primitive is not CONCAT:
        return False
    (axis,) = node.attributes
    return node.type.shape[axis] == max(graph.type(i).shape[axis] for i in operands)


def _sizes(graph: Graph, joined: NodeId) -> list[int]:
    (axis,) = graph[joined].attributes
    return [graph.type(part).shape[axis] for part in graph[joined].inputs]


def _cut(graph: Graph, node_id: NodeId, axis: int, sizes: list[int]) -> list[NodeId]:
    """The node's value in parts of these sizes."""
    node = graph[node_id]
    if node.type.shape[axis] == 1 and sum(sizes) != 1:
        return [node_id] * len(sizes)  # repeated along this axis
    if node.primitive is CONCAT and node.attributes == (axis,) and _sizes(graph, node_id) == sizes:
        return list(node.inputs)
    ends = accumulate(sizes)
    return [sliced(graph, node_id, axis, end - size, end) for end, size in zip(ends, sizes, strict=True)]
