"""A checked graph -> a plan: what each worker will do, where the bytes go, and what it takes."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING

from mergec.ir.dtype import DType
from mergec.ir.held_bytes import held_bytes, register_bytes
from mergec.ir.plan import GivenVector, Plan, Region
from mergec.ir.primitive import Locality, Reproducibility
from mergec.ir.strided_view import StridedView, is_turned
from mergec.schedule.decisions import decision, decision_bytes, decision_nodes
from mergec.schedule.memory import SCRATCH, HeldThroughout, Need, prove
from mergec.schedule.pieces import Piece, pieces, turned_views
from mergec.schedule.program_table import ProgramTable
from mergec.schedule.shard_layout import Planned, lay_out
from mergec.schedule.tiling import TURNED_FACTOR, tile_rows, tile_shape

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from mergec.ir.graph import CheckedGraph, Graph
    from mergec.ir.plan import OutputLayout
    from mergec.ir.program import Program
    from mergec.ir.strided_view import Shape

# Copies are shared out among workers in parts of this many elements.
_COPY_TILE = 1 << 25


@dataclass(frozen=True, slots=True)
class Limits:
    """What the build may use, how the output is divided into files, and what their headers say."""

    memory: int
    workers: int
    max_shard_size: int
    single_file: str | None
    metadata: Mapping[str, str] | None = None


def make_plan(checked: CheckedGraph, held: Sequence[tuple[str, int]], limits: Limits) -> Plan:
    """Decide the layout, the regions, the tiles and the workers. `held` lists files read whole.

    Raises:
        MergecError: MC0601 when the budget is too small.
    """
    graph = checked.graph
    layout = _layout(checked, limits)
    nodes = {output.name: output.node for output in checked.outputs}
    decided = decision_nodes(graph, nodes.values())
    programs = ProgramTable(graph, {node: number for number, node in enumerate(decided)})
    parts = [
        piece
        for number, tensor in enumerate(layout.tensors)
        for piece in pieces(graph, programs, number, tensor, nodes[tensor.name])
    ]
    # What must be equal is compared first: a difference should show at once, not after the work.
    parts.sort(key=lambda piece: not piece.must_match)
    throughout = HeldThroughout(
        nodes=max(checked.nodes, len(graph)),
        files=sum(size for _, size in held),
        largest_file=max(held, key=lambda item: item[1], default=("", 0))[0],
        decisions=decision_bytes(graph, decided),
    )
    room = throughout.room(limits.memory)
    decisions = tuple(
        decision(graph, node, checked.matches.get(node, ()), programs, room, limits.workers)
        for node in decided
    )
    tasks = [one for one in decisions if not isinstance(one, GivenVector)]
    proof, tile = prove(_needs(parts, layout), throughout, tasks, limits.memory, limits.workers)
    regions = tuple(_region(piece, tile) for piece in parts)
    return Plan(
        layout=layout,
        regions=regions,
        memory=proof,
        bytes_read=sum(leaf.read_bytes for region in regions for leaf in region.all_leaves)
        + sum(leaf.read_bytes for task in tasks for leaf in task.leaves),
        bytes_copied=sum(region.target.nbytes for region in regions if region.is_copy),
        config=checked.config,
        decisions=decisions,
    )


def _layout(checked: CheckedGraph, limits: Limits) -> OutputLayout:
    graph = checked.graph
    reproducibilities = _reproducibilities(graph)
    planned = [
        Planned(
            output.name,
            (type_ := graph.type(output.node)).dtype,
            type_.shape,
            StridedView.contiguous(0, 0, type_.dtype, type_.shape).nbytes,
            reproducibilities[output.node],
        )
        for output in checked.outputs
    ]
    return lay_out(planned, limits.max_shard_size, limits.single_file, limits.metadata)


def _reproducibilities(graph: Graph) -> list[Reproducibility]:
    """Of every node, the worst of all that it rests on. A decision is no better for what it is taken from."""
    found: list[Reproducibility] = []
    for node in graph:
        worst = node.primitive.reproducibility
        if node.primitive.locality is not Locality.DECISION:
            for below in map(found.__getitem__, node.inputs):
                if below is not worst and below.value > worst.value:
                    worst = below
        found.append(worst)
    return found


def _needs(parts: Sequence[Piece], layout: OutputLayout) -> list[Need]:
    """One need per program, turned width and held bytes: that of the largest tensor."""
    largest: dict[tuple[int, int, int], Need] = {}
    for piece in parts:
        if piece.is_copy:
            continue
        need = _need(piece, layout.tensors[piece.tensor].name)
        key = (id(piece.program), need.turned_bytes, need.beside)
        if key not in largest or largest[key].rows < need.rows:
            largest[key] = need
    return list(largest.values())


def _need(piece: Piece, name: str) -> Need:
    program = piece.program
    return Need(
        rows=piece.target.shape[0] if program.by_rows else piece.target.elements,
        row_elements=program.row_elements,
        row_bytes=program.row_bytes,
        turned_bytes=max(map(_row_bytes(program), turned_views(piece)), default=0),
        tensor=name,
        fixed=register_bytes(program),
        beside=program.scratch + held_bytes(piece.held) + (SCRATCH if _takes_scratch(piece) else 0),
        block=program.block,
        factor=_tile_factor(piece),
    )


def _tile_factor(piece: Piece) -> int:
    """Larger tiles make longer runs of what a file holds in another order: for rows, of what is written."""
    is_slow = is_turned(piece.target) if piece.program.by_rows else bool(turned_views(piece))
    return TURNED_FACTOR if is_slow else 1


def _row_bytes(program: Program) -> Callable[[StridedView], int]:
    """The bytes that a row of a view takes; elements are the rows of what is not by rows."""
    if program.by_rows:
        return lambda view: prod(view.shape[1:]) * view.dtype.itemsize
    return lambda view: view.dtype.itemsize


def _takes_scratch(piece: Piece) -> bool:
    dtypes = {register.dtype for register in piece.program.registers}
    rounds_twice = DType.F64 in dtypes and not {DType.F16, DType.BF16}.isdisjoint(dtypes)
    return rounds_twice or any(leaf.generator is not None for leaf in piece.leaves)


def _region(piece: Piece, tile_elements: int) -> Region:
    program = piece.program
    if piece.is_copy:
        tile: Shape = (min(_COPY_TILE, piece.target.elements),)
    elif program.by_rows:
        rows = tile_rows(_tile_factor(piece) * tile_elements, program.row_elements, program.block)
        tile = (min(rows, piece.target.shape[0]), *piece.target.shape[1:])
    else:
        tile = tile_shape(piece.target, turned_views(piece), _tile_factor(piece) * tile_elements)
    return Region(piece.tensor, program, piece.leaves, piece.target, tile, piece.is_copy, piece.held)
