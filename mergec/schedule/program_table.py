"""The programs of a build: tensors that are computed alike share one."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from mergec.ir.dtype import DType
from mergec.ir.matrix_primitives import MEAN_ROWS
from mergec.ir.primitive import ROW_BLOCK, Locality, summed_together
from mergec.ir.primitives import FILL
from mergec.ir.program import (
    Generator,
    HeldValue,
    LoadedLeaf,
    Picked,
    Program,
    Reduction,
    Stream,
    StreamedRows,
)
from mergec.ir.random_primitives import GENERATORS, VIEWED
from mergec.ir.reduction_primitives import COLUMN_PRODUCTS, ROW_PRODUCTS
from mergec.ir.spectral_primitives import COLUMN_GRAM
from mergec.ir.strided_view import StridedView, is_turned
from mergec.schedule.program import Assembler
from mergec.schedule.streams import HeldNode, Streams, ordered, streams
from mergec.schedule.tiling import collapsed_leaves, tile_rows, tile_shape

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mergec.ir.graph import Graph, Node, NodeId


# The elements that a reduction takes in at a time: sums depend on it, so it is the same for every budget.
_REDUCTION_TILE = 1 << 18
# Reductions that want whole rows, rather than elements in whichever order they lie.
_OF_ROWS = {MEAN_ROWS, COLUMN_GRAM, ROW_PRODUCTS, COLUMN_PRODUCTS}


class Code(NamedTuple):
    """The program that computes a tile of a value, what it loads, and what it needs whole."""

    program: Program
    leaves: tuple[LoadedLeaf, ...]
    held: tuple[HeldValue, ...]


class ProgramTable:
    """Programs by what they do, whatever bytes they load."""

    def __init__(self, graph: Graph, decisions: Mapping[NodeId, int]) -> None:
        """Compile nodes of this graph; `decisions` numbers those that are decided before."""
        self._graph = graph
        self._decisions = decisions
        self._known: dict[tuple[object, ...], Program] = {}

    def compile(self, root: NodeId) -> Code:
        """The code for a node's value."""
        return self._code(streams(self._graph, root), (root,))

    def rows(self, root: NodeId, elements: int) -> StreamedRows:
        """The code for rows of a node's value: so many at a time that they have about `elements`."""
        code = self._code(streams(self._graph, root, by_rows=True), (root,))
        shape = self._graph.type(root).shape
        tile = min(tile_rows(elements, code.program.row_elements, ROW_BLOCK), shape[0])
        return StreamedRows(code.program, code.leaves, code.held, shape, tile)

    def reduction(self, node: Node) -> Reduction:
        """The code that gathers the value of a reduction."""
        types = tuple(self._graph.type(i) for i in node.inputs)
        width = node.attributes[0] if node.attributes else 1
        groups = [node.inputs[start : start + width] for start in range(0, len(node.inputs), width)]
        by_rows = node.primitive in _OF_ROWS
        return Reduction(
            node.primitive.name,
            node.attributes,
            tuple(self._stream(group, by_rows=by_rows) for group in groups),
            node.type.shape,
            node.primitive.scratch(types, node.attributes),
        )

    def _stream(self, group: tuple[NodeId, ...], *, by_rows: bool) -> Stream:
        code = self._code(streams(self._graph, *group, by_rows=by_rows), group, reduces=True)
        shape = self._graph.type(group[0]).shape
        if code.program.by_rows:
            row = code.program.row_elements
            block = ROW_BLOCK if by_rows else max(code.program.block, summed_together(row))
            rows = tile_rows(_REDUCTION_TILE, row, block)
            return Stream(*code, shape, tuple(max(size, 1) for size in (min(rows, shape[0]), *shape[1:])))
        leaves, shape = collapsed_leaves(code.leaves, shape)
        turned = [leaf.view for leaf in leaves if leaf.is_turned]
        whole = StridedView.contiguous(0, 0, DType.F32, shape)
        tile = tile_shape(whole, turned, _REDUCTION_TILE)
        return Stream(code.program, leaves, code.held, shape, tile)

    def _code(self, found: Streams, roots: tuple[NodeId, ...], *, reduces: bool = False) -> Code:
        held = tuple(self._held(one) for one in found.held)
        at = {node: position for position, node in enumerate(found.order)}
        key = (reduces, tuple(at[root] for root in roots), *self._structure(found.order, found))
        program = self._known.get(key)
        if program is None:
            program = Assembler(self._graph, roots, found.order, found, reduces=reduces).program()
            self._known[key] = program
        return Code(program, self._leaves(found.order, found), held)

    def _held(self, held: HeldNode) -> HeldValue:
        graph = self._graph
        order = ordered((held.node,), lambda node: () if _is_made_before(graph[node]) else graph[node].inputs)
        key = (held.dtype, *self._structure(order, None))
        program = self._known.get(key)
        if program is None:
            program = self._known[key] = Assembler(graph, (held.node,), order).program(held.dtype)
        return HeldValue(program, self._leaves(order, None))

    def _leaves(self, order: list[NodeId], found: Streams | None) -> tuple[LoadedLeaf, ...]:
        """What the `load` instructions of a program over these nodes refer to, by number."""
        leaves: list[LoadedLeaf] = []
        for node_id in order:
            node = self._graph[node_id]
            if found is not None and node_id in found.held_leaves:
                leaves.append(LoadedLeaf(found.held_leaves[node_id], is_held=True))
            elif found is not None and node_id in found.picked:
                numbers, parts, is_held = found.picked[node_id]
                leaves.append(LoadedLeaf(_view(node), is_held=is_held, picked=Picked(numbers, parts)))
            elif node.primitive in VIEWED:
                view: StridedView = node.attributes[0]
                leaves.append(LoadedLeaf(view, _generator(node), is_turned(view)))
            elif node.primitive.locality is Locality.DECISION:
                leaves.append(LoadedLeaf(_view(node), decision=self._decisions[node_id]))
            elif node.primitive.locality is Locality.REDUCE:
                leaves.append(LoadedLeaf(_view(node), reduction=self.reduction(node)))
        return tuple(leaves)

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
                found is not None and found.is_loaded(node_id),
                () if found is None else found.held_by(node_id),
                tuple([at.get(i, -1) for i in node.inputs]),
                _attributes(node),
            )
            for node_id in order
            for node in (graph[node_id],)
        )
        return (found is None, *nodes)


def _generator(node: Node) -> Generator | None:
    if node.primitive not in GENERATORS:
        return None
    return Generator(node.primitive.name, *node.attributes[2:])


def _is_made_before(node: Node) -> bool:
    """Whether a whole value is loaded rather than computed, though it has inputs."""
    return node.primitive.locality in {Locality.REDUCE, Locality.DECISION}


def _view(node: Node) -> StridedView:
    """What comes of a leaf that no file holds as it is."""
    return StridedView.contiguous(0, 0, node.type.dtype, node.type.shape)


def _row(node: Node, found: Streams | None) -> tuple[object, ...]:
    shape = node.type.shape
    return (shape,) if found is None else (shape[1:], found.is_single(shape))


def _attributes(node: Node) -> tuple[object, ...]:
    """Those of a leaf say which bytes it loads, and all that matters of a fill is its value."""
    if node.primitive.locality in {Locality.LEAF, Locality.DECISION}:
        return node.attributes[2:3] if node.primitive is FILL else ()
    return node.attributes
