"""Slices pushed through a graph into its leaves."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, NamedTuple

from mergec.ir.matrix_primitives import CAYLEY, GATHER_COLUMNS, MATMUL, PERMUTE, RESHAPE, ROW_NORM, SKEW
from mergec.ir.permutation_primitives import GATHER, GATHER_ROWS
from mergec.ir.primitive import Locality
from mergec.ir.primitives import CONCAT, FILL, SLICE
from mergec.ir.random_primitives import VIEWED
from mergec.optimise.views import same_place, viewed

if TYPE_CHECKING:
    from mergec.ir.graph import Graph, NodeId


# Of these each matrix along axis 0 stands for itself.
_BATCHED = {SKEW, CAYLEY}


class _Cut(NamedTuple):
    """A node, and the range of indices on an axis that is wanted of it."""

    node: NodeId
    axis: int
    start: int
    stop: int


def sliced(graph: Graph, root: NodeId, axis: int, start: int, stop: int) -> NodeId:
    """The node for start <= index < stop on `axis` of a node's value.

    A slice is left in it only above what it cannot pass: values that are computed whole.
    """
    made: dict[_Cut, NodeId] = {}
    wanted = _Cut(root, axis, start, stop)
    stack: list[_Cut] = [wanted]
    while stack:
        cut = stack[-1]
        below = _below(graph, cut)
        pending = [needed for needed in below or () if needed not in made]
        if pending:
            stack.extend(pending)
            continue
        made[cut] = _made(graph, cut, None if below is None else tuple(made[needed] for needed in below))
        stack.pop()
    return made[wanted]


def _is_whole(graph: Graph, cut: _Cut) -> bool:
    return (cut.start, cut.stop) == (0, graph.type(cut.node).shape[cut.axis])


def _below(graph: Graph, cut: _Cut) -> list[_Cut] | None:
    """What has to be cut before: the operands, or those parts of a join that are in the range.

    None where the slice cannot pass.
    """
    node = graph[cut.node]
    if _is_whole(graph, cut) or node.primitive.locality is Locality.LEAF:
        return []
    if node.primitive is CONCAT:
        return _parts(graph, cut)
    if node.primitive.locality in {Locality.ELEMENTWISE, Locality.UNIFORM}:
        count = same_place(node)
        cuts = [_of_operand(graph, cut, i) for i in node.inputs[:count]]
        return [*cuts, *(_whole(graph, i) for i in node.inputs[count:])]
    if node.primitive.locality is Locality.VIEW:
        return _of_view(graph, cut)
    if node.primitive in _BATCHED and cut.axis == 0:
        return [cut._replace(node=node.inputs[0])]
    return _of_rows(graph, cut) if node.primitive.locality in {Locality.ROWWISE, Locality.PICKED} else None


def _of_operand(graph: Graph, cut: _Cut, operand: NodeId) -> _Cut:
    """The same range, or all of an operand that is repeated along the axis."""
    if graph.type(operand).shape[cut.axis] == 1:
        return _Cut(operand, cut.axis, 0, 1)
    return cut._replace(node=operand)


def _of_view(graph: Graph, cut: _Cut) -> list[_Cut] | None:
    """The axis as it was; of a reshape rows, where those of the new shape are whole ones of the old."""
    node = graph[cut.node]
    inner = node.inputs[0]
    if node.primitive is PERMUTE:
        return [cut._replace(node=inner, axis=node.attributes[0][cut.axis])]
    new_row, old_row = prod(graph.type(cut.node).shape[1:]), prod(graph.type(inner).shape[1:])
    if cut.axis != 0 or not old_row or cut.start * new_row % old_row or cut.stop * new_row % old_row:
        return None
    return [_Cut(inner, 0, cut.start * new_row // old_row, cut.stop * new_row // old_row)]


def _of_gathered(graph: Graph, cut: _Cut) -> list[_Cut]:
    """Of the axis that is gathered, fewer indices; any other axis is that of the value."""
    node = graph[cut.node]
    value, index = node.inputs
    axis = node.attributes[0] if node.attributes else 0
    if cut.axis == axis:
        return [_whole(graph, value), _Cut(index, 0, cut.start, cut.stop)]
    return [cut._replace(node=value), _whole(graph, index)]


def _whole(graph: Graph, node: NodeId) -> _Cut:
    return _Cut(node, 0, 0, graph.type(node).shape[0])


def _of_rows(graph: Graph, cut: _Cut) -> list[_Cut] | None:
    node = graph[cut.node]
    if node.primitive in {GATHER, GATHER_ROWS}:
        return _of_gathered(graph, cut)
    first, *held = node.inputs
    whole = [_whole(graph, i) for i in held]
    if cut.axis == 0:
        return [cut._replace(node=first), *whole]
    if node.primitive is MATMUL and len(graph.type(held[0]).shape) == 2:
        return [_whole(graph, first), cut._replace(node=held[0])]
    if node.primitive in {GATHER_COLUMNS, ROW_NORM}:
        return [_whole(graph, first)]
    return None


def _parts(graph: Graph, cut: _Cut) -> list[_Cut]:
    node = graph[cut.node]
    if node.attributes != (cut.axis,):
        return [cut._replace(node=i) for i in node.inputs]
    kept: list[_Cut] = []
    begin = 0
    for part in node.inputs:
        end = begin + graph.type(part).shape[cut.axis]
        low, high = max(cut.start, begin), min(cut.stop, end)
        if low < high:
            kept.append(_Cut(part, cut.axis, low - begin, high - begin))
        begin = end
    return kept or [_Cut(node.inputs[0], cut.axis, 0, 0)]


def _made(graph: Graph, cut: _Cut, inputs: tuple[NodeId, ...] | None) -> NodeId:
    node_id, axis, start, stop = cut
    node = graph[node_id]
    if _is_whole(graph, cut):
        return node_id
    if inputs is None:
        return graph.add(SLICE, (node_id,), (axis, start, stop), node.origin)
    if node.primitive is CONCAT and node.attributes == (axis,) and len(inputs) == 1:
        return inputs[0]
    if node.primitive is PERMUTE:
        return viewed(graph, inputs[0], (PERMUTE, node.attributes[0]))
    if node.primitive is RESHAPE:
        return viewed(graph, inputs[0], (RESHAPE, (stop - start, *node.type.shape[1:])))
    attributes = node.attributes
    if node.primitive in VIEWED:
        view, *rest = attributes
        attributes = (view.sliced(axis, start, stop), *rest)
    elif node.primitive is FILL:
        shape, *rest = attributes
        attributes = ((*shape[:axis], stop - start, *shape[axis + 1 :]), *rest)
    elif node.primitive is GATHER_COLUMNS and axis == 1:
        attributes = (attributes[0][start:stop],)
    return graph.add(node.primitive, inputs, attributes, node.origin)
