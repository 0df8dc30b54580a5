"""The programs of a build: tensors that are computed alike share one."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from mergec.ir.plan import HeldValue, LoadedLeaf, Program
from mergec.ir.primitive import Locality
from mergec.ir.primitives import FILL
from mergec.schedule.program import Assembler, loaded_leaves
from mergec.schedule.streams import HeldNode, Streams, ordered, streams

if TYPE_CHECKING:
    from mergec.ir.graph import Graph, Node, NodeId


class Code(NamedTuple):
    """The program that computes a tile of a value, what it loads, and what it needs whole."""

    program: Program
    leaves: tuple[LoadedLeaf, ...]
    held: tuple[HeldValue, ...]


class ProgramTable:
    """Programs by what they do, whatever bytes they load."""

    def __init__(self, graph: Graph) -> None:
        """Compile nodes of this graph."""
        self._graph = graph
        self._known: dict[tuple[object, ...], Program] = {}

    def compile(self, root: NodeId) -> Code:
        """The code for a node's value."""
        found = streams(self._graph, root)
        leaves = loaded_leaves(self._graph, found.order, found)
        held = tuple(self._held(one) for one in found.held)
        key = self._structure(found.order, found)
        program = self._known.get(key)
        if program is None:
            program = Assembler(self._graph, root, found.order, found).program()
            self._known[key] = program
        return Code(program, leaves, held)

    def _held(self, held: HeldNode) -> HeldValue:
        graph = self._graph
        order = ordered(held.node, lambda node: graph[node].inputs)
        key = (held.dtype, *self._structure(order, None))
        program = self._known.get(key)
        if program is None:
            program = self._known[key] = Assembler(graph, held.node, order).program(held.dtype)
        return HeldValue(program, loaded_leaves(graph, order, None))

    def _structure(self, order: list[NodeId], found: Streams | None) -> tuple[object, ...]:
        """All that a program depends on: nodes, their operands by position, and not which bytes they load."""
        graph = self._graph
        at = {node: position for position, node in enumerate(order)}
        flat = found is not None and not found.by_rows
        nodes = tuple(
            (
                node.primitive.name,
                node.type.dtype,
                () if flat else _row(node, found),
                found is not None and node_id in found.held_leaves,
                () if found is None else found.held_by(node_id),
                tuple([at.get(i, -1) for i in node.inputs]),
                _attributes(node),
            )
            for node_id in order
            for node in (graph[node_id],)
        )
        return (found is None, *nodes)


def _row(node: Node, found: Streams | None) -> tuple[object, ...]:
    shape = node.type.shape
    return (shape,) if found is None else (shape[1:], found.is_single(shape))


def _attributes(node: Node) -> tuple[object, ...]:
    """Those of a leaf say which bytes it loads, and all that matters of a fill is its value."""
    if node.primitive.locality is Locality.LEAF:
        return node.attributes[2:3] if node.primitive is FILL else ()
    return node.attributes
