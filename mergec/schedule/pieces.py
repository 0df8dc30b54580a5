"""Output tensors cut into pieces that are computed on their own."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from mergec.ir.matrix_primitives import PERMUTE, RESHAPE
from mergec.ir.primitives import CONCAT, IDENTICAL
from mergec.ir.strided_view import StridedView, is_turned
from mergec.schedule.tiling import collapsed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mergec.ir.graph import Graph, NodeId
    from mergec.ir.plan import PlacedTensor
    from mergec.ir.program import HeldValue, LoadedLeaf, Program
    from mergec.schedule.program_table import Code, ProgramTable


class Piece(NamedTuple):
    """A region without a tile yet. Views of flat programs are collapsed, and all of one shape."""

    tensor: int
    program: Program
    leaves: tuple[LoadedLeaf, ...]
    held: tuple[HeldValue, ...]
    target: StridedView
    must_match: bool

    @property
    def is_copy(self) -> bool:
        """Whether bytes are moved as they are, and lie together at both ends."""
        if len(self.program.instructions) > 1 or len(self.leaves) != 1 or self.program.by_rows:
            return False
        leaf = self.leaves[0]
        if leaf.generator is not None or leaf.is_held:
            return False
        return all(len(view.shape) == 1 and view.strides == (1,) for view in (self.target, leaf.view))


def turned_views(piece: Piece) -> list[StridedView]:
    """The views of a piece whose files hold the elements in another order than the piece."""
    views = [leaf.view for leaf in piece.leaves if leaf.is_turned and not leaf.is_held]
    return [*views, piece.target] if is_turned(piece.target) else views


def pieces(
    graph: Graph, programs: ProgramTable, number: int, tensor: PlacedTensor, root: NodeId
) -> Iterator[Piece]:
    """One piece for each part of a joined tensor. Views at the root change where its elements go."""
    whole = StridedView.contiguous(tensor.shard, tensor.offset, tensor.dtype, tensor.shape)
    stack = [(root, whole)]
    while stack:
        node_id, target = stack.pop()
        node = graph[node_id]
        if node.primitive is CONCAT:
            (axis,) = node.attributes
            start = 0
            for part in node.inputs:
                stop = start + graph.type(part).shape[axis]
                stack.append((part, target.sliced(axis, start, stop)))
                start = stop
            continue
        below = _under_view(graph, node_id, target)
        if below is not None:
            stack.append(below)
        elif target.elements:
            code = programs.compile(node_id)
            yield _by_rows(number, code, target) if code.program.by_rows else _flat(number, code, target)


def _under_view(graph: Graph, node_id: NodeId, target: StridedView) -> tuple[NodeId, StridedView] | None:
    """The value that a view shows, and where its elements go in its own order."""
    node = graph[node_id]
    if node.primitive is PERMUTE:
        order = node.attributes[0]
        return node.inputs[0], target.permuted(tuple(order.index(axis) for axis in range(len(order))))
    if node.primitive is RESHAPE:
        reshaped = target.reshaped(graph.type(node.inputs[0]).shape)
        return None if reshaped is None else (node.inputs[0], reshaped)
    return None


def _by_rows(number: int, code: Code, target: StridedView) -> Piece:
    return Piece(number, code.program, code.leaves, code.held, target, _must_match(code))


def _flat(number: int, code: Code, target: StridedView) -> Piece:
    # No element minds in which order they are visited: that of the output file is best for writing.
    order = tuple(sorted(range(len(target.shape)), key=lambda axis: -target.strides[axis]))
    expanded = [leaf.view.expanded(target.shape) for leaf in code.leaves]
    target, *views = collapsed([view.permuted(order) for view in (target, *expanded)])
    leaves = tuple(
        leaf._replace(view=view, is_turned=is_turned(view))
        for leaf, view in zip(code.leaves, views, strict=True)
    )
    return Piece(number, code.program, leaves, code.held, target, _must_match(code))


def _must_match(code: Code) -> bool:
    return any(i.kernel == IDENTICAL.name for i in code.program.instructions)
