"""What a node is made of: the terms of its sum and the coefficient of each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mergec.ir import primitives
from mergec.ir.primitive import Locality

if TYPE_CHECKING:
    from collections.abc import Container

    from mergec.ir.graph import Graph, NodeId

LinearForm = dict["NodeId", float]

_UNCHANGED = {
    primitives.CAST,
    primitives.WITH_DEGREE,
    primitives.SLICE,
    primitives.IDENTICAL,
    primitives.FINITE,
}
_SIGNS = {primitives.ADD.name: 1.0, primitives.SUBTRACT.name: -1.0}


def linear_form(graph: Graph, root: NodeId, atoms: Container[NodeId] = ()) -> LinearForm:
    """The coefficients of the terms that a node's value is the sum of: leaves, products and the like.

    Nothing is said of what `atoms` are the sums of. A tensor put together from parts counts each part with
    the coefficient that it has in its place. Coefficients are exact sums in float64, in the order of the
    recipe.
    """
    forms: dict[NodeId, LinearForm] = {}
    stack = [root]
    while stack:
        node = stack[-1]
        if node in atoms:
            forms[stack.pop()] = {node: 1.0}
            continue
        pending = [i for i in graph[node].inputs if i not in forms]
        if pending:
            stack.extend(reversed(pending))
            continue
        forms[node] = _form(graph, node, forms)
        stack.pop()
    return forms[root]


def _form(graph: Graph, node: NodeId, forms: dict[NodeId, LinearForm]) -> LinearForm:
    primitive = graph[node].primitive
    inputs = graph[node].inputs
    if primitive is primitives.SCALE:
        factor = graph[node].attributes[0]
        return {leaf: factor * share for leaf, share in forms[inputs[0]].items()} if factor else {}
    if primitive.name in _SIGNS:
        result = dict(forms[inputs[0]])
        for leaf, share in forms[inputs[1]].items():
            result[leaf] = result.get(leaf, 0.0) + _SIGNS[primitive.name] * share
        return result
    if primitive is primitives.CONCAT:
        return {leaf: share for i in inputs for leaf, share in forms[i].items()}
    if primitive.locality is Locality.VIEW or primitive in _UNCHANGED:
        return forms[inputs[0]]
    return {node: 1.0}
