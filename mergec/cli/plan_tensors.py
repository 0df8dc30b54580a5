"""What a plan does for each tensor of the output, in the terms of the recipe."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, NamedTuple

from mergec.ir.linear_form import linear_form
from mergec.ir.primitives import CONCAT, FILL, NORMAL

if TYPE_CHECKING:
    from mergec.ir.graph import CheckedGraph, Graph, NodeId
    from mergec.ir.plan import PlacedTensor, Plan

_MOVES = {"load", "identical"}  # what changes no value
_CASTS = {*_MOVES, "cast", "settle_nans"}  # what only rounds
_FILLS = {0.0: "zeros", 1.0: "ones"}


class Action(Enum):
    """What happens to a tensor."""

    COPY = "copy"
    MERGE = "merge"
    CAST = "cast"
    NEW = "new"


class Term(NamedTuple):
    """A summand: a tensor of a source and its factor. `source` is empty for values made up.

    `weight` is None where the result is not a weighted sum.
    """

    source: str
    tensor: str
    weight: float | None


@dataclass(frozen=True, slots=True)
class TensorAction:
    """An output tensor and how it comes about. `expression` is the sum for people."""

    placed: PlacedTensor
    action: Action
    terms: tuple[Term, ...]
    expression: str
    read_as: tuple[str, ...]

    @property
    def dtype_change(self) -> str:
        """The dtypes that are read and the one written; empty when they are one."""
        if not self.read_as or self.read_as == (str(self.placed.dtype),):
            return ""
        return f"{', '.join(self.read_as)} -> {self.placed.dtype}"


def tensor_actions(checked: CheckedGraph, plan: Plan) -> list[TensorAction]:
    """The actions in the order of the output's files."""
    kernels: defaultdict[int, set[str]] = defaultdict(set)
    for region in plan.regions:
        kernels[region.tensor].update(i.kernel for i in region.program.instructions)
    nodes = {output.name: output.node for output in checked.outputs}
    owners = _owners(checked)
    return [
        _tensor_action(placed, nodes[placed.name], checked.graph, owners, kernels[number])
        for number, placed in enumerate(plan.layout.tensors)
    ]


def _owners(checked: CheckedGraph) -> dict[NodeId, tuple[str, str]]:
    """The source and name of each leaf, also of those that are a part of a joined tensor."""
    owners = {node: label for node, label in checked.labels.items() if not checked.graph[node].inputs}
    for node, label in checked.labels.items():
        for leaf in checked.graph.leaves(node):
            owners.setdefault(leaf, label)
    return owners


def _tensor_action(
    placed: PlacedTensor, root: NodeId, graph: Graph, owners: dict[NodeId, tuple[str, str]], kernels: set[str]
) -> TensorAction:
    leaves = list(graph.leaves(root))
    form = linear_form(graph, root)
    if form is not None:
        leaves = [leaf for leaf, weight in form.items() if weight]
    terms = dict.fromkeys(
        Term(*owners.get(leaf, ("", _made_up(graph, leaf))), None if form is None else form[leaf])
        for leaf in leaves
    )
    is_joined = any(graph[node].primitive is CONCAT for node in _below(graph, root))
    read_as = dict.fromkeys(str(graph.type(leaf).dtype) for leaf in leaves if leaf in owners)
    return TensorAction(
        placed, _action(terms, kernels), tuple(terms), _expression(list(terms), is_joined), tuple(read_as)
    )


def _action(terms: dict[Term, None], kernels: set[str]) -> Action:
    if not any(term.source for term in terms):
        return Action.NEW
    if kernels <= _MOVES:
        return Action.COPY
    return Action.CAST if kernels <= _CASTS else Action.MERGE


def _expression(terms: list[Term], is_joined: bool) -> str:  # noqa: FBT001  # a fact of the tensor
    """0.6*base + 0.4*tuned. The parts of a joined tensor, alike in source and weight, are told once."""
    if any(term.weight is None for term in terms):
        return f"computed from {', '.join(dict.fromkeys(term.source or term.tensor for term in terms))}"
    shown = [(term.source or term.tensor, term.weight or 0.0) for term in terms]
    text = ""
    for name, weight in dict.fromkeys(shown) if is_joined else shown:
        factor = "" if abs(weight) == 1 else f"{abs(weight):.6g}*"
        sign = ("-" if weight < 0 else "") if not text else (" - " if weight < 0 else " + ")
        text += f"{sign}{factor}{name}"
    return text or "0"


def _made_up(graph: Graph, leaf: NodeId) -> str:
    node = graph[leaf]
    if node.primitive is FILL:
        value = float(node.attributes[2])
        return _FILLS.get(value, f"{value:g}")
    return f"normal({node.attributes[4]:g})" if node.primitive is NORMAL else node.primitive.name


def _below(graph: Graph, root: NodeId) -> list[NodeId]:
    found, stack = {root: None}, [root]
    while stack:
        inputs = [node for node in graph[stack.pop()].inputs if node not in found]
        found.update(dict.fromkeys(inputs))
        stack.extend(inputs)
    return list(found)
