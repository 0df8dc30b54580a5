"""What has to be decided before anything is computed: permutations to find, or that are given."""

from __future__ import annotations

from itertools import chain
from math import prod
from typing import TYPE_CHECKING

from mergec.ir.held_bytes import held_bytes, streaming_bytes
from mergec.ir.permutation_primitives import GIVEN
from mergec.ir.plan import Decision, GivenVector, MatchTask
from mergec.ir.primitive import Locality

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from mergec.ir.graph import Graph, Node, NodeId
    from mergec.ir.matching import Matching, MatchUse
    from mergec.ir.program import StreamedRows
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
    matching: Matching = node.attributes[0]
    operands = _operands(node, matching, programs)
    itemsize = max(graph.type(i).dtype.itemsize for i in node.inputs)
    count = workers
    while count > 1 and _bytes(matching, operands, itemsize, count) > room:
        count -= 1
    nbytes = _bytes(matching, operands, itemsize, count)
    return MatchTask(matching, operands, uses, count, nbytes)


def _operands(node: Node, matching: Matching, programs: ProgramTable) -> tuple[tuple[StreamedRows, ...], ...]:
    rows = [programs.rows(i, _TILE) for i in node.inputs]
    each = len(rows) // (matching.models + 1)
    return tuple(tuple(rows[start : start + each]) for start in range(0, len(rows), each))


def _bytes(
    matching: Matching, operands: Sequence[Sequence[StreamedRows]], itemsize: int, workers: int
) -> int:
    """What the solver takes, a tile of an operand for each worker, and what the operands hold."""
    from mergec.symmetries.matching.memory import bytes_needed

    every = list(chain.from_iterable(operands))
    tile = max(map(streaming_bytes, every))
    held = sum(held_bytes(rows.held) for rows in every)
    return bytes_needed(matching, workers, itemsize) + workers * tile + held
