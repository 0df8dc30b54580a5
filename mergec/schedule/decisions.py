"""What has to be decided before anything is computed: permutations, and reductions over many tensors."""

from __future__ import annotations

from itertools import chain
from math import prod
from typing import TYPE_CHECKING

from mergec.ir.held_bytes import held_bytes, reducing_bytes, streaming_bytes
from mergec.ir.permutation_primitives import GIVEN
from mergec.ir.plan import Decision, GivenVector, JointTask, MatchTask
from mergec.ir.primitive import Locality
from mergec.ir.reduction_primitives import JOINT_NAMES

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from mergec.ir.graph import Graph, Node, NodeId
    from mergec.ir.matching import Matching, MatchUse
    from mergec.ir.program import Reduction, StreamedRows
    from mergec.schedule.program_table import ProgramTable

# How many elements of an operand are computed at a time.
_TILE = 1 << 18


def decision_nodes(graph: Graph, roots: Iterable[NodeId]) -> list[NodeId]:
    """The decisions that the roots rest on, earlier ones first."""
    return [node for node in graph.reachable(roots) if graph[node].primitive.locality is Locality.DECISION]


def decision_bytes(graph: Graph, decided: Iterable[NodeId]) -> int:
    """What the results of all decisions take."""
    types = [graph.type(node) for node in decided]
    return sum(type_.dtype.nbytes(prod(type_.shape)) for type_ in types)


def decision(
    graph: Graph,
    node_id: NodeId,
    uses: tuple[MatchUse, ...],
    programs: ProgramTable,
    room: int,
    workers: int,
) -> Decision:
    """One of them, for as many workers as there is room for, or one."""
    node = graph[node_id]
    if node.primitive is GIVEN:
        return GivenVector(node.attributes[0])
    if node.primitive.name in JOINT_NAMES:
        return _joint(programs.reduction(node), room, workers)
    matching: Matching = node.attributes[0]
    operands = _operands(node, matching, programs)
    itemsize = max(graph.type(i).dtype.itemsize for i in node.inputs)
    count = workers
    while count > 1 and _bytes(matching, operands, itemsize, count) > room:
        count -= 1
    nbytes = _bytes(matching, operands, itemsize, count)
    kept, kept_bytes = _kept(operands, room - nbytes)
    return MatchTask(matching, operands, uses, count, nbytes + kept_bytes, kept)


def _joint(reduction: Reduction, room: int, workers: int) -> JointTask:
    each = reducing_bytes(reduction)
    count = max(min(workers, room // max(each, 1), len(reduction.streams)), 1)
    return JointTask(reduction, count, count * each)


def _operands(node: Node, matching: Matching, programs: ProgramTable) -> tuple[tuple[StreamedRows, ...], ...]:
    rows = [programs.rows(i, _TILE) for i in node.inputs]
    each = len(rows) // (matching.models + 1)
    return tuple(tuple(rows[start : start + each]) for start in range(0, len(rows), each))


def _kept(operands: Sequence[Sequence[StreamedRows]], room: int) -> tuple[tuple[bool, ...], int]:
    """Which operands stay in memory once they are computed, as there is room for them; and their bytes."""
    kept, taken = [], 0
    for rows in chain.from_iterable(operands):
        nbytes = rows.program.registers[rows.program.result].dtype.nbytes(prod(rows.shape))
        kept.append(taken + nbytes <= room)
        taken += nbytes * kept[-1]
    return tuple(kept), taken


def _bytes(
    matching: Matching, operands: Sequence[Sequence[StreamedRows]], itemsize: int, workers: int
) -> int:
    """What the solver takes, a tile of an operand for each worker, and what the operands hold."""
    from mergec.symmetries.matching.memory import bytes_needed

    every = list(chain.from_iterable(operands))
    tile = max(map(streaming_bytes, every))
    held = sum(held_bytes(rows.held) for rows in every)
    return bytes_needed(matching, workers, itemsize) + workers * tile + held
