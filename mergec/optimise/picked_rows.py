"""Row gathers pushed through a graph into what they are taken from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mergec.ir.permutation_primitives import GATHER_ROWS
from mergec.ir.primitive import Locality
from mergec.ir.primitives import CONCAT

if TYPE_CHECKING:
    from mergec.ir.graph import Graph, NodeId


def with_picked_rows(graph: Graph, root: NodeId, numbers: NodeId) -> NodeId:
    """The node for those rows of a node's value whose numbers another node gives.

    Each row of what is computed row by row needs the same row of its operands, so that they can be
    picked first: what is left above it is arithmetic over rows that are read by number.
    """
    made: dict[NodeId, NodeId] = {}
    stack = [root]
    while stack:
        node_id = stack[-1]
        operands = _by_row(graph, node_id)
        pending = [i for i in operands if i not in made]
        if pending:
            stack.extend(pending)
            continue
        made[node_id] = _made(graph, node_id, [made[i] for i in operands], numbers)
        stack.pop()
    return made[root]


def _by_row(graph: Graph, node_id: NodeId) -> list[NodeId]:
    """The operands whose rows make the same rows of a value; none where the rows have to be picked of it."""
    node = graph[node_id]
    if node.primitive.locality in {Locality.ROWWISE, Locality.UNIFORM}:
        return [node.inputs[0]]
    if node.primitive.locality is Locality.ELEMENTWISE:
        rows = node.type.shape[0]
        return [i for i in node.inputs if graph.type(i).shape[0] == rows]
    if node.primitive is CONCAT and node.attributes != (0,):
        return list(node.inputs)
    return []


def _made(graph: Graph, node_id: NodeId, picked: list[NodeId], numbers: NodeId) -> NodeId:
    node = graph[node_id]
    if not picked:
        return graph.add(GATHER_ROWS, (node_id, numbers), (), node.origin)
    replaced = dict(zip(_by_row(graph, node_id), picked, strict=True))
    if node.primitive.locality in {Locality.ROWWISE, Locality.UNIFORM}:
        inputs = (picked[0], *node.inputs[1:])
    else:
        inputs = tuple(replaced.get(i, i) for i in node.inputs)
    return graph.add(node.primitive, inputs, node.attributes, node.origin)
