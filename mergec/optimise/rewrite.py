"""A graph rebuilt node by node: what every pass is made of."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from mergec.ir.graph import Graph, OutputTensor

if TYPE_CHECKING:
    from collections.abc import Callable

    from mergec.ir.graph import CheckedGraph, Node, NodeId

    # Gives the node that stands for `node` in the new graph, whose inputs are already there, or
    # None to keep it as it is.
    Rule = Callable[[Graph, Node, tuple[NodeId, ...]], NodeId | None]

    # Whether a pass might do something about a node; cheap, because it is asked of every one.
    Concern = Callable[[Graph, Node], bool]


def rewrite(checked: CheckedGraph, concerns: Concern, rule: Rule) -> CheckedGraph:
    """The same outputs over a new graph. Dead nodes are left behind, equal ones merge.

    A graph without a node that the pass concerns is given back as it is.
    """
    old, new = checked.graph, Graph()
    if not any(concerns(old, node) for node in old):
        return checked
    moved: dict[NodeId, NodeId] = {}
    for node_id in old.reachable(output.node for output in checked.outputs):
        node = old[node_id]
        inputs = tuple(moved[i] for i in node.inputs)
        made = rule(new, node, inputs)
        if made is None:
            made = new.add(node.primitive, inputs, node.attributes, node.origin)
        moved[node_id] = made
    labels = {moved[node]: label for node, label in checked.labels.items() if node in moved}
    outputs = tuple(OutputTensor(output.name, moved[output.node]) for output in checked.outputs)
    matches = {moved[node]: uses for node, uses in checked.matches.items() if node in moved}
    told = {moved[node]: text for node, text in checked.told.items() if node in moved}
    nodes = max(checked.nodes, len(new))
    return replace(
        checked, graph=new, outputs=outputs, labels=labels, nodes=nodes, matches=matches, told=told
    )
