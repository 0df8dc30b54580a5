"""What of an expression is streamed tile by tile, and what a region holds whole."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from mergec.ir.dtype import DType
from mergec.ir.matrix_primitives import MATMUL, PERMUTE, RESHAPE
from mergec.ir.primitive import Locality
from mergec.ir.primitives import CONCAT, READ, SLICE
from mergec.ir.strided_view import StridedView

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from mergec.ir.graph import Graph, NodeId
    from mergec.ir.strided_view import Shape

_STREAMED = {Locality.LEAF, Locality.ELEMENTWISE, Locality.UNIFORM, Locality.ROWWISE}

# Rows of a file shorter than this are not read one by one, unless the whole tensor would be too much to hold.
_SHORT_ROW = 2 << 10
_MUCH_TO_HOLD = 16 << 20


class HeldNode(NamedTuple):
    """A value to hold, in the dtype that its user computes in."""

    node: NodeId
    dtype: DType


class PickedRows(NamedTuple):
    """Rows by number: the held value that holds the numbers, and the parts that the rows are of."""

    numbers: int
    parts: tuple[StridedView, ...]
    is_held: bool


@dataclass(frozen=True, slots=True)
class Streams:
    """How roots of one shape are computed tile by tile.

    `order` lists the streamed nodes, inputs first. `held` are the values to hold; `held_leaves` gives,
    for each streamed node that is loaded from one of them, the view of it, whose `file` is its number;
    `picked` gives, for each streamed node that loads rows by their numbers, which ones of what;
    `operands` gives the numbers of those that a node takes whole, such as a factor of a product. `rows` is
    the number of rows of a program by rows.
    """

    order: list[NodeId]
    held: tuple[HeldNode, ...]
    held_leaves: Mapping[NodeId, StridedView]
    picked: Mapping[NodeId, PickedRows]
    operands: Mapping[NodeId, tuple[int, ...]]
    by_rows: bool
    rows: int

    def is_single(self, shape: Shape) -> bool:
        """Whether a value of this shape is one row that stands for all."""
        return self.rows != 1 and shape[0] == 1

    def is_loaded(self, node: NodeId) -> bool:
        """Whether a node's value comes from a held value, or from rows that are picked."""
        return node in self.held_leaves or node in self.picked

    def held_by(self, node: NodeId) -> tuple[int, ...]:
        """The numbers of the held values that a node takes."""
        return self.operands.get(node, ())


def streams(graph: Graph, *roots: NodeId, by_rows: bool = False) -> Streams:
    """Decide what is streamed for roots. What cannot be is held: it costs memory, never correctness.

    `by_rows` asks for tiles of whole rows also where nothing needs them.
    """

    def streamed(node_id: NodeId) -> tuple[NodeId, ...]:
        node = graph[node_id]
        if node.primitive.locality is Locality.ELEMENTWISE:  # most are, and a large model has a million
            return node.inputs
        return tuple(i for at, i in enumerate(node.inputs) if node.primitive.streams(at))

    order = ordered(roots, streamed)
    held: dict[HeldNode, int] = {}
    held_leaves: dict[NodeId, StridedView] = {}
    picked: dict[NodeId, PickedRows] = {}
    operands: dict[NodeId, tuple[int, ...]] = {}
    for node_id in order:
        node = graph[node_id]
        if node.primitive.locality is Locality.PICKED:
            by_rows = True
            picked[node_id] = _picked(graph, node_id, held)
        elif node.primitive.locality not in _STREAMED:
            held_leaves[node_id] = _held_view(graph, node_id, held)
        elif node.primitive.locality in {Locality.ROWWISE, Locality.UNIFORM}:
            by_rows = by_rows or node.primitive.locality is Locality.ROWWISE
            wanted = (HeldNode(i, _dtype(graph, node_id, i)) for i in node.inputs[1:])
            operands[node_id] = tuple(held.setdefault(one, len(held)) for one in wanted)
    shape = graph.type(roots[0]).shape
    rows = shape[0] if by_rows else 0
    return Streams(order, tuple(held), held_leaves, picked, operands, by_rows, rows)


def _dtype(graph: Graph, user: NodeId, operand: NodeId) -> DType:
    """A product wants its held factor in float64, so that it is widened once and not for every tile."""
    return DType.F64 if graph[user].primitive is MATMUL else graph.type(operand).dtype


def _picked(graph: Graph, node_id: NodeId, held: dict[HeldNode, int]) -> PickedRows:
    """Rows are read from files where they are worth a read each; otherwise all of them are held."""
    value, index = graph[node_id].inputs
    number = held.setdefault(HeldNode(index, graph.type(index).dtype), len(held))
    parts = _rows_of_files(graph, value)
    if parts is not None:
        return PickedRows(number, parts, is_held=False)
    return PickedRows(number, (_held_view(graph, value, held),), is_held=True)


def _rows_of_files(graph: Graph, value: NodeId) -> tuple[StridedView, ...] | None:
    """The regions of files that a value is, one below the other, where they are to be read row by row."""
    node = graph[value]
    joined = node.primitive is CONCAT and node.attributes == (0,)
    leaves = [graph[part] for part in (node.inputs if joined else (value,))]
    if any(leaf.primitive is not READ or not leaf.attributes[0].is_contiguous for leaf in leaves):
        return None
    parts: tuple[StridedView, ...] = tuple(leaf.attributes[0] for leaf in leaves)
    total = sum(part.nbytes for part in parts)
    is_short = total < _SHORT_ROW * node.type.shape[0]
    return None if is_short and total <= _MUCH_TO_HOLD else parts


def _held_view(graph: Graph, node_id: NodeId, held: dict[HeldNode, int]) -> StridedView:
    """The view of a held value that a node is, or is a slice, a permutation or a reshape of."""
    value, view = _peeled(graph, node_id)
    number = held.setdefault(HeldNode(value, view.dtype), len(held))
    return view._replace(file=number)


def _peeled(graph: Graph, node_id: NodeId) -> tuple[NodeId, StridedView]:
    """The node below slices and views, and which of its elements they leave, in which order."""
    node = graph[node_id]
    if node.primitive in {SLICE, PERMUTE, RESHAPE}:
        value, below = _peeled(graph, node.inputs[0])
        if node.primitive is SLICE:
            return value, below.sliced(*node.attributes)
        if node.primitive is PERMUTE:
            return value, below.permuted(node.attributes[0])
        reshaped = below.reshaped(node.attributes[0])
        if reshaped is not None:
            return value, reshaped
    return node_id, StridedView.contiguous(0, 0, node.type.dtype, node.type.shape)


def ordered(roots: Iterable[NodeId], inputs: Callable[[NodeId], tuple[NodeId, ...]]) -> list[NodeId]:
    """What the roots need by way of `inputs`, those first, each directly before its user where possible."""
    order: dict[NodeId, None] = {}
    stack: list[tuple[NodeId, bool]] = [(root, False) for root in reversed(tuple(roots))]
    while stack:
        node, is_ready = stack.pop()
        if node in order:
            continue
        if is_ready:
            order[node] = None
            continue
        stack.append((node, True))
        stack.extend((i, False) for i in reversed(inputs(node)))
    return list(order)
