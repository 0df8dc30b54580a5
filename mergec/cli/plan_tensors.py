"""What a plan does for each tensor of the output, in the terms of the recipe."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, NamedTuple

from mergec.ir.linear_form import linear_form
from mergec.ir.primitive import Locality
from mergec.ir.primitives import CONCAT, FILL, NORMAL
from mergec.ir.quantised_primitives import DEQUANTISE

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
    DEQUANTISE = "dequantise"
    CAST = "cast"
    NEW = "new"


class Term(NamedTuple):
    """A tensor of a source, and the factor of the summand that it is part of.

    `source` is empty for values made up. `weight` is None where the result is not a weighted sum.
    """

    source: str
    tensor: str
    weight: float | None


class _Summand(NamedTuple):
    """A leaf, or something computed of several: the names to show, and its factor."""

    names: tuple[str, ...]
    weight: float


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
    terms: dict[Term, None] = {}
    summands: list[_Summand] = []
    read_as: dict[str, None] = {}
    form = {atom: weight for atom, weight in linear_form(graph, root).items() if weight}
    for atom, weight in form.items():
        leaves = list(graph.leaves(atom))
        is_sum = len(form) > 1 or leaves == [atom] or weight != 1.0
        labels = [owners.get(leaf, ("", _made_up(graph, leaf))) for leaf in leaves]
        terms.update(dict.fromkeys(Term(*label, weight if is_sum else None) for label in labels))
        names = [source or tensor for source, tensor in labels if source or len(labels) == 1]
        summands.append(_Summand(tuple(dict.fromkeys(names)), weight))
        read_as.update(dict.fromkeys(str(graph.type(leaf).dtype) for leaf in leaves if leaf in owners))
    below = [graph[node].primitive for node in _below(graph, root)]
    is_joined = CONCAT in below
    action = _action(terms, kernels)
    if action in {Action.COPY, Action.CAST} and any(p.locality is Locality.WHOLE for p in below):
        action = Action.DEQUANTISE if DEQUANTISE in below else Action.MERGE
    shown = list(dict.fromkeys(summands)) if is_joined else summands
    return TensorAction(placed, action, tuple(terms), _expression(shown), tuple(read_as))


def _action(terms: dict[Term, None], kernels: set[str]) -> Action:
    if not any(term.source for term in terms):
        return Action.NEW
    if kernels <= _MOVES:
        return Action.COPY
    return Action.CAST if kernels <= _CASTS else Action.MERGE


def _expression(summands: list[_Summand]) -> str:
    """0.6*base + 0.4*tuned. The parts of a joined tensor, alike in source and weight, are told once."""
    if len(summands) == 1 and len(summands[0].names) > 1 and summands[0].weight == 1.0:
        return f"computed from {', '.join(summands[0].names)}"
    text = ""
    for names, weight in summands:
        name = names[0] if len(names) == 1 else f"({', '.join(names)})"
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
