"""Reductions over tensors that are put together, or seen in another order, taken part by part."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mergec.ir.primitives import CONCAT
from mergec.ir.reduction_primitives import IN_ANY_ORDER
from mergec.optimise.slices import sliced
from mergec.optimise.views import inverse, is_view, viewed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mergec.ir.graph import Graph, Node, NodeId

    _Group = tuple[NodeId, ...]


def gathered_by_parts(graph: Graph, node: Node, inputs: tuple[NodeId, ...]) -> NodeId | None:
    """A reduction whose operands are neither joins nor views; None where there is nothing to do.

    Before: `gram(concat(a, b), concat(c, d))`; after: `gram(a, c; b, d)`, where the parts stream by one
    after another. A magnitude is the same in whichever order the elements come. A sum may differ in its
    last bits, but as all graphs go through this pass, there is only one order for it.
    """
    if node.primitive not in IN_ANY_ORDER:
        return None
    width = node.attributes[0]
    groups = [inputs[start : start + width] for start in range(0, len(inputs), width)]
    found = [part for group in groups for part in _parts(graph, group)]
    if found == groups:
        return None
    operands = tuple(operand for group in found for operand in group)
    return graph.add(node.primitive, operands, node.attributes, node.origin)


def _parts(graph: Graph, group: _Group) -> Iterator[_Group]:
    """The groups that a group falls into."""
    while (at := next((at for at, i in enumerate(group) if is_view(graph, i)), None)) is not None:
        blocked = graph[group[at]]
        undone = inverse((blocked.primitive, blocked.attributes[0]), graph.type(blocked.inputs[0]).shape)
        plain = tuple(viewed(graph, i, undone) for i in group)
        if sum(is_view(graph, i) for i in plain) >= sum(is_view(graph, i) for i in group):
            break  # another operand would only get the view that this one loses
        group = plain
    joined = next((i for i in group if graph[i].primitive is CONCAT), None)
    if joined is None:
        yield group
        return
    (axis,) = graph[joined].attributes
    start = 0
    for part in graph[joined].inputs:
        stop = start + graph.type(part).shape[axis]
        yield from _parts(graph, tuple(sliced(graph, i, axis, start, stop) for i in group))
        start = stop
