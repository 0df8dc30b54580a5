"""What a plan does for each tensor of the output, in the terms of the recipe."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, NamedTuple

from mergec.ir.linear_form import linear_form
from mergec.ir.permutation_primitives import GATHER, GATHER_ROWS
from mergec.ir.primitive import Locality
from mergec.ir.primitives import CONCAT, FILL, NORMAL
from mergec.ir.quantised_primitives import DEQUANTISE

if TYPE_CHECKING:
    from collections.abc import Container, Iterator, Sequence

    from mergec.ir.graph import CheckedGraph, Graph, NodeId
    from mergec.ir.plan import PlacedTensor, Plan

_MOVES = {"load", "identical"}  # what changes no value
_CHECKED = {*_MOVES, "finite", "settle_nans"}  # where all is finite, there are no NaNs to settle
_CASTS = {*_CHECKED, "cast"}  # what only rounds
_PERMUTES = {*_MOVES, "gather", "gather_rows"}
_GATHERS = {GATHER, GATHER_ROWS}
_FILLS = {0.0: "zeros", 1.0: "ones"}


class Action(Enum):
    """What happens to a tensor."""

    COPY = "copy"
    MERGE = "merge"  # computed from several sources
    CHANGE = "change"  # computed from one, such as resized or scaled
    PERMUTE = "permute"
    DEQUANTISE = "dequantise"
    CAST = "cast"
    NEW = "new"


class Part(NamedTuple):
    """A tensor of a source; `source` is empty for values made up, which `tensor` then describes."""

    source: str
    tensor: str


class Summand(NamedTuple):
    """What a tensor is the sum of, each with a factor: a tensor as it is, or what is computed of several.

    `told` is the method that computes it, with its numbers.
    """

    weight: float
    parts: tuple[Part, ...]
    is_computed: bool
    is_permuted: bool = False
    told: str = ""

    @property
    def names(self) -> tuple[str, ...]:
        """The parts for people: sources, or the one value made up; or the method and what it gets."""
        if self.told:
            return (self.told,)
        shown = [part.source or part.tensor for part in self.parts if part.source or len(self.parts) == 1]
        names = tuple(dict.fromkeys(shown))
        return (*names[:-1], f"{names[-1]} permuted") if names and self.is_permuted else names


@dataclass(frozen=True, slots=True)
class TensorAction:
    """An output tensor and how it comes about. `expression` is the sum of the summands for people."""

    placed: PlacedTensor
    action: Action
    summands: tuple[Summand, ...]
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
        _tensor_action(placed, nodes[placed.name], checked, owners, kernels[number])
        for number, placed in enumerate(plan.layout.tensors)
    ]


def _owners(checked: CheckedGraph) -> dict[NodeId, tuple[str, str]]:
    """The source and name of each leaf, also of those that are a part of a joined tensor."""
    owners = {node: label for node, label in checked.labels.items() if not checked.graph[node].inputs}
    for node, label in checked.labels.items():
        for leaf in checked.graph.leaves(node):
            owners.setdefault(leaf, label)
    return owners


def summands_of(checked: CheckedGraph, names: Container[str]) -> dict[str, tuple[Summand, ...]]:
    """What some tensors of the output are the sums of, by their names."""
    owners = _owners(checked)
    return {
        output.name: tuple(_summands(output.node, checked, owners, {}))
        for output in checked.outputs
        if output.name in names
    }


def _summands(
    root: NodeId, checked: CheckedGraph, owners: dict[NodeId, tuple[str, str]], read_as: dict[str, None]
) -> Iterator[Summand]:
    """Adds the dtypes of what is read to `read_as`."""
    graph, told = checked.graph, checked.told
    form = linear_form(graph, root)
    if any(graph[atom].inputs for atom in form):  # sums are told by their terms, other methods by their names
        form = linear_form(graph, root, told)
    for atom, weight in form.items():
        if weight:
            leaves = list(graph.leaves(atom))
            parts = (Part(*owners.get(leaf, ("", _made_up(graph, leaf)))) for leaf in leaves)
            permuted = any(graph[node].primitive in _GATHERS for node in graph.below(atom))
            is_computed = leaves != [atom] and not (permuted and len(leaves) == 1)
            read_as.update(dict.fromkeys(str(graph.type(leaf).dtype) for leaf in leaves if leaf in owners))
            text = told.get(atom, "")
            yield Summand(weight, tuple(dict.fromkeys(parts)), is_computed, permuted, text)


def _tensor_action(
    placed: PlacedTensor,
    root: NodeId,
    checked: CheckedGraph,
    owners: dict[NodeId, tuple[str, str]],
    kernels: set[str],
) -> TensorAction:
    graph, read_as = checked.graph, dict[str, None]()
    summands = list(_summands(root, checked, owners, read_as))
    below = [graph[node].primitive for node in graph.below(root)]
    action = _action(summands, kernels)
    if not _GATHERS.isdisjoint(below):
        action = Action.PERMUTE if kernels <= _PERMUTES else _computed(summands)
    elif action in {Action.COPY, Action.CAST} and any(p.locality is Locality.WHOLE for p in below):
        action = Action.DEQUANTISE if DEQUANTISE in below else _computed(summands)
    told = [(summand.names, summand.weight) for summand in summands]
    if CONCAT in below:  # the parts of a joined tensor that are alike are told once
        summands, told = list(dict.fromkeys(summands)), list(dict.fromkeys(told))
    return TensorAction(placed, action, tuple(summands), _expression(told), tuple(read_as))


def _action(summands: Sequence[Summand], kernels: set[str]) -> Action:
    if not any(part.source for summand in summands for part in summand.parts):
        return Action.NEW
    if kernels <= _MOVES or ("finite" in kernels and kernels <= _CHECKED):
        return Action.COPY
    return Action.CAST if kernels <= _CASTS else _computed(summands)


def _computed(summands: Sequence[Summand]) -> Action:
    sources = {part.source for summand in summands for part in summand.parts if part.source}
    return Action.MERGE if len(sources) > 1 else Action.CHANGE


def _expression(told: Sequence[tuple[tuple[str, ...], float]]) -> str:
    """0.6*base + 0.4*tuned, of the names and the factor of each summand."""
    if len(told) == 1 and len(told[0][0]) > 1 and told[0][1] == 1.0:
        return f"computed from {', '.join(told[0][0])}"
    text = ""
    for names, weight in told:
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
