"""The tensor dependency graph: a hash-consed table of nodes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from mergec.ir.primitive import Attributes, Locality, Primitive, TypeMismatch

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from mergec.diagnostics import Span
    from mergec.ir.config_edit import SideChange
    from mergec.ir.matching import AlignedModel, MatchUse
    from mergec.ir.tensor_type import TensorType

NodeId = int


class Node(NamedTuple):
    """One application of a primitive. Inputs are named by id, so equal nodes compare in O(1)."""

    primitive: Primitive
    inputs: tuple[NodeId, ...]
    attributes: Attributes
    type: TensorType
    origin: Span | None


class OutputTensor(NamedTuple):
    """A tensor of the checkpoint to write: its name and the node that gives its final value."""

    name: str
    node: NodeId


class Graph:
    """Nodes in topological order: an input's id is always lower than that of its user.

    Adding a node that is there already gives the old id: common subexpressions are never built.
    A node whose operands do not fit is added all the same, with the shape of its first operand and
    no degree, and the mismatch is kept in `mismatches`; `check` reports them, all at once.
    """

    def __init__(self) -> None:
        """Start empty."""
        self._nodes: list[Node] = []
        self._known: dict[tuple[str, tuple[NodeId, ...], Attributes], NodeId] = {}
        self.mismatches: dict[NodeId, str] = {}

    def __len__(self) -> int:
        return len(self._nodes)

    def __getitem__(self, node: NodeId) -> Node:
        return self._nodes[node]

    def __iter__(self) -> Iterator[Node]:
        return iter(self._nodes)

    def add(
        self,
        primitive: Primitive,
        inputs: tuple[NodeId, ...] = (),
        attributes: Attributes = (),
        origin: Span | None = None,
    ) -> NodeId:
        """The id of this application, added if it is new."""
        key = (primitive.name, inputs, attributes)
        known = self._known.get(key)
        if known is not None:
            return known
        nodes = self._nodes
        types = tuple(nodes[i].type for i in inputs)
        made = len(nodes)
        try:
            type_ = primitive.infer(types, attributes)
        except TypeMismatch as mismatch:
            self.mismatches[made] = str(mismatch)
            type_ = types[0]._replace(degree=None, dtype=mismatch.dtype or types[0].dtype)
        nodes.append(Node(primitive, inputs, attributes, type_, origin))
        self._known[key] = made
        return made

    def type(self, node: NodeId) -> TensorType:
        """The type of a node's value."""
        return self._nodes[node].type

    def reachable(self, roots: Iterable[NodeId]) -> list[NodeId]:
        """All nodes that the roots need, themselves included, in topological order."""
        needed = bytearray(len(self._nodes))
        for root in roots:
            needed[root] = 1
        for node in range(len(self._nodes) - 1, -1, -1):
            if needed[node]:
                for used in self._nodes[node].inputs:
                    needed[used] = 1
        return [node for node, is_needed in enumerate(needed) if is_needed]

    def leaves(self, root: NodeId) -> Iterator[NodeId]:
        """The nodes without inputs whose values make that of a root, each once, in order of first use."""
        return (node for node in self.below(root) if not self._nodes[node].inputs)

    def below(self, root: NodeId) -> Iterator[NodeId]:
        """The root and the nodes whose values make its value, each once, before their inputs.

        What a decision compares only tells where values go.
        """
        seen: set[NodeId] = set()
        stack = [root]
        while stack:
            node = stack.pop()
            if node in seen or self._nodes[node].primitive.locality is Locality.DECISION:
                continue
            seen.add(node)
            yield node
            stack.extend(reversed(self._nodes[node].inputs))


@dataclass(frozen=True, slots=True)
class Remark:
    """Something a step decided for some tensors that the user should be able to see in the plan."""

    model: str
    what: str
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DegreeDemand:
    """A place that needs values of a certain degree, and the model whose tensors do not have it.

    `why` shows how the degree comes about, where the recipe does not.
    """

    model: str
    tensor: str
    wanted: float
    found: float
    place: str
    span: Span | None
    why: str = ""


@dataclass(frozen=True, slots=True)
class JointDemand:
    """A component was put into a model on the way to the output: there it must fit to the others.

    It is judged on the output, as a later step may put in what fits.
    """

    model: str
    component: str
    span: Span | None


@dataclass(frozen=True, slots=True)
class FrameClaim:
    """A tensor whose units an alignment puts into the order that they have in the anchor.

    `made` is the node with the new order, of what `moved` has in the order of the model `own`; None for
    a model that is only matched. `anchor` is the anchor's tensor, and `groups` are the names of those that
    permute it.
    """

    model: str
    own: str
    made: NodeId | None
    moved: NodeId
    anchor: NodeId
    span: Span | None
    groups: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class LoweredRecipe:
    """The graph of a recipe and what hangs on it. Made by lower/, judged by check/.

    `labels` names leaves for people: node -> (source name, tensor name). `base_config` is the
    config.json that the output starts from, and `config` holds the changes that the recipe makes to it
    and to the files beside it. `matches` tells what each match is for, and `aligned` what is permuted.
    `told` says of some nodes what they are, for people.
    """

    graph: Graph
    outputs: tuple[OutputTensor, ...]
    labels: dict[NodeId, tuple[str, str]]
    kind: str = "weights"
    span: Span | None = None
    remarks: tuple[Remark, ...] = ()
    demands: tuple[DegreeDemand, ...] = ()
    joints: tuple[JointDemand, ...] = ()
    base_config: Mapping[str, object] = field(default_factory=dict)
    config: tuple[SideChange, ...] = ()
    frames: tuple[FrameClaim, ...] = ()
    matches: Mapping[NodeId, tuple[MatchUse, ...]] = field(default_factory=dict)
    aligned: tuple[AlignedModel, ...] = ()
    told: Mapping[NodeId, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CheckedGraph:
    """A graph that check/ has found sound. Only check/ and optimise/ make one.

    `nodes` is the most that any graph on the way to this one had: the memory that compiling took.
    """

    graph: Graph
    outputs: tuple[OutputTensor, ...]
    labels: dict[NodeId, tuple[str, str]]
    remarks: tuple[Remark, ...] = ()
    config: tuple[SideChange, ...] = ()
    nodes: int = 0
    matches: Mapping[NodeId, tuple[MatchUse, ...]] = field(default_factory=dict)
    aligned: tuple[AlignedModel, ...] = ()
    told: Mapping[NodeId, str] = field(default_factory=dict)
