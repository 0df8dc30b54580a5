"""A checked graph -> a plan: what each worker will do, where the bytes go, and what it takes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from mergec.ir.dtype import DType
from mergec.ir.plan import REGISTER_ALIGNMENT, LoadedLeaf, PlacedTensor, Plan, Program, Region
from mergec.ir.primitive import Reproducibility
from mergec.ir.primitives import CONCAT, IDENTICAL
from mergec.ir.strided_view import StridedView
from mergec.schedule.memory import SCRATCH, Need, prove
from mergec.schedule.program import ProgramTable
from mergec.schedule.shard_layout import Planned, lay_out
from mergec.schedule.tiling import collapsed, is_turned, tile_shape

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mergec.ir.graph import CheckedGraph, Graph, NodeId
    from mergec.ir.plan import OutputLayout
    from mergec.ir.strided_view import Shape

# Copies are shared out among workers in parts of this many elements.
_COPY_TILE = 1 << 25


@dataclass(frozen=True, slots=True)
class Limits:
    """What the build may use, and how the output is divided into files."""

    memory: int
    workers: int
    max_shard_size: int
    single_file: str | None


class _Piece(NamedTuple):
    """A region without a tile yet: collapsed views, all of one shape."""

    tensor: int
    program: Program
    leaves: tuple[LoadedLeaf, ...]
    target: StridedView
    must_match: bool


def make_plan(checked: CheckedGraph, held: Sequence[tuple[str, int]], limits: Limits) -> Plan:
    """Decide the layout, the regions, the tiles and the workers. `held` lists files read whole.

    Raises:
        MergecError: MC0601 when the budget is too small.
    """
    graph = checked.graph
    layout = _layout(checked, limits)
    nodes = {output.name: output.node for output in checked.outputs}
    programs = ProgramTable(graph)
    pieces = [
        piece
        for number, tensor in enumerate(layout.tensors)
        for piece in _pieces(graph, programs, number, tensor, nodes[tensor.name])
    ]
    # What must be equal is compared first: a difference should show at once, not after the work.
    pieces.sort(key=lambda piece: not piece.must_match)
    largest_held = max(held, key=lambda item: item[1], default=("", 0))
    proof, tile = prove(
        _needs(pieces, layout),
        nodes=max(checked.nodes, len(graph)),
        held=sum(size for _, size in held),
        held_by=largest_held[0],
        budget=limits.memory,
        workers=limits.workers,
    )
    regions = tuple(_region(piece, tile) for piece in pieces)
    return Plan(
        layout=layout,
        regions=regions,
        memory=proof,
        bytes_read=sum(leaf.view.nbytes for r in regions for leaf in r.leaves if leaf.generator is None),
        bytes_copied=sum(region.target.nbytes for region in regions if region.is_copy),
        config=checked.config,
    )


def _layout(checked: CheckedGraph, limits: Limits) -> OutputLayout:
    graph = checked.graph
    planned = [
        Planned(
            output.name,
            (type_ := graph.type(output.node)).dtype,
            type_.shape,
            StridedView.contiguous(0, 0, type_.dtype, type_.shape).nbytes,
            _reproducibility(graph, output.node),
        )
        for output in checked.outputs
    ]
    return lay_out(planned, limits.max_shard_size, limits.single_file)


def _reproducibility(graph: Graph, root: NodeId) -> Reproducibility:
    worst = Reproducibility.R0
    stack, seen = [root], {root}
    while stack:
        node = graph[stack.pop()]
        worst = max(worst, node.primitive.reproducibility, key=lambda r: r.value)
        stack.extend(i for i in node.inputs if i not in seen)
        seen.update(node.inputs)
    return worst


def _pieces(
    graph: Graph, programs: ProgramTable, number: int, tensor: PlacedTensor, root: NodeId
) -> Iterator[_Piece]:
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
        elif target.elements:
            program, leaves = programs.compile(node_id)
            target, *views = collapsed([target, *(leaf.view for leaf in leaves)])
            leaves = tuple(
                leaf._replace(view=view, is_turned=is_turned(view))
                for leaf, view in zip(leaves, views, strict=True)
            )
            must_match = any(i.kernel == IDENTICAL.name for i in program.instructions)
            yield _Piece(number, program, leaves, target, must_match)


def _is_copy(piece: _Piece) -> bool:
    if len(piece.program.instructions) > 1 or len(piece.leaves) != 1 or piece.leaves[0].generator:
        return False
    return all(len(view.shape) == 1 and view.strides == (1,) for view in (piece.target, piece.leaves[0].view))


def _needs(pieces: Sequence[_Piece], layout: OutputLayout) -> list[Need]:
    """One need per program and turned width: that of the largest tensor."""
    largest: dict[tuple[int, int], Need] = {}
    for piece in pieces:
        if _is_copy(piece):
            continue
        turned = max((leaf.view.dtype.itemsize for leaf in piece.leaves if leaf.is_turned), default=0)
        name = layout.tensors[piece.tensor].name
        scratch = REGISTER_ALIGNMENT * len(piece.program.registers)
        scratch += SCRATCH if _takes_scratch(piece) else 0
        need = Need(piece.target.elements, piece.program.element_bytes, turned, name, scratch)
        key = (id(piece.program), turned)
        if key not in largest or largest[key].elements < need.elements:
            largest[key] = need
    return list(largest.values())


def _takes_scratch(piece: _Piece) -> bool:
    dtypes = piece.program.registers
    rounds_twice = DType.F64 in dtypes and not {DType.F16, DType.BF16}.isdisjoint(dtypes)
    return rounds_twice or any(leaf.generator is not None for leaf in piece.leaves)


def _region(piece: _Piece, tile_elements: int) -> Region:
    is_copy = _is_copy(piece)
    tile: Shape = (min(_COPY_TILE, piece.target.elements),)
    if not is_copy:
        tile = tile_shape(piece.target, [leaf.view for leaf in piece.leaves], tile_elements)
    return Region(piece.tensor, piece.program, piece.leaves, piece.target, tile, is_copy)
