"""Joins moved to the outputs."""

from __future__ import annotations

from itertools import accumulate
from typing import TYPE_CHECKING

from mergec.ir.primitive import Locality
from mergec.ir.primitives import CONCAT, FILL, NORMAL, READ, SLICE
from mergec.optimise.rewrite import rewrite

if TYPE_CHECKING:
    from mergec.ir.graph import CheckedGraph, Graph, Node, NodeId


def hoist_joins(checked: CheckedGraph) -> CheckedGraph:
    """Move every join behind the arithmetic, and every slice into the leaves.

    Before: `add(concat(a, b), c)`; after: `concat(add(a, c[:n]), add(b, c[n:]))`. What is left below
    the joins is elementwise arithmetic over file regions, which a worker runs tile by tile, and each
    part of a joined output is a region of its own. Exact: no operand of any operation changes.
    """
    return rewrite(checked, _concerns, _rule)


def _concerns(_: Graph, node: Node) -> bool:
    return node.primitive.locality is Locality.LAYOUT


def _rule(graph: Graph, node: Node, inputs: tuple[NodeId, ...]) -> NodeId | None:
    if node.primitive is SLICE:
        return sliced(graph, inputs[0], *node.attributes)
    if node.primitive.locality is not Locality.ELEMENTWISE:
        return None
    joined = next((i for i in inputs if graph[i].primitive is CONCAT), None)
    if joined is None:
        return None
    (axis,) = graph[joined].attributes
    parts: list[NodeId] = []
    sizes = _sizes(graph, joined)
    for operands in zip(*(_cut(graph, i, axis, sizes) for i in inputs), strict=True):
        # A part may itself be joined along another axis: apply the rule to the piece as well.
        piece = _rule(graph, node, operands)
        if piece is None:
            piece = graph.add(node.primitive, operands, node.attributes, node.origin)
        parts.append(piece)
    return graph.add(CONCAT, tuple(parts), (axis,), node.origin)


def _sizes(graph: Graph, joined: NodeId) -> list[int]:
    (axis,) = graph[joined].attributes
    return [graph.type(part).shape[axis] for part in graph[joined].inputs]


def _cut(graph: Graph, node_id: NodeId, axis: int, sizes: list[int]) -> list[NodeId]:
    """The node's value in parts of these sizes."""
    node = graph[node_id]
    if node.primitive is CONCAT and node.attributes == (axis,) and _sizes(graph, node_id) == sizes:
        return list(node.inputs)
    ends = accumulate(sizes)
    return [sliced(graph, node_id, axis, end - size, end) for end, size in zip(ends, sizes, strict=True)]


# A node, and the range of indices that is wanted of it.
_Cut = tuple["NodeId", int, int]


def sliced(graph: Graph, root: NodeId, axis: int, start: int, stop: int) -> NodeId:
    """The node for start <= index < stop on `axis` of a node's value, without a slice in it."""
    made: dict[_Cut, NodeId] = {}
    stack: list[_Cut] = [(root, start, stop)]
    while stack:
        cut = stack[-1]
        below = _below(graph, cut, axis)
        pending = [needed for needed in below if needed not in made]
        if pending:
            stack.extend(pending)
            continue
        made[cut] = _made(graph, cut, axis, tuple(made[needed] for needed in below))
        stack.pop()
    return made[root, start, stop]


def _below(graph: Graph, cut: _Cut, axis: int) -> list[_Cut]:
    """What has to be cut before: the operands, or those parts of a join that are in the range."""
    node_id, start, stop = cut
    node = graph[node_id]
    if (start, stop) == (0, node.type.shape[axis]):
        return []
    if node.primitive is not CONCAT or node.attributes != (axis,):
        return [(i, start, stop) for i in node.inputs]
    kept: list[_Cut] = []
    begin = 0
    for part in node.inputs:
        end = begin + graph.type(part).shape[axis]
        low, high = max(start, begin), min(stop, end)
        if low < high:
            kept.append((part, low - begin, high - begin))
        begin = end
    return kept or [(node.inputs[0], 0, 0)]


def _made(graph: Graph, cut: _Cut, axis: int, inputs: tuple[NodeId, ...]) -> NodeId:
    node_id, start, stop = cut
    node = graph[node_id]
    if (start, stop) == (0, node.type.shape[axis]):
        return node_id
    if node.primitive is CONCAT and node.attributes == (axis,) and len(inputs) == 1:
        return inputs[0]
    attributes = node.attributes
    if node.primitive in {READ, NORMAL}:
        view, *rest = attributes
        attributes = (view.sliced(axis, start, stop), *rest)
    elif node.primitive is FILL:
        shape, *rest = attributes
        attributes = ((*shape[:axis], stop - start, *shape[axis + 1 :]), *rest)
    return graph.add(node.primitive, inputs, attributes, node.origin)
