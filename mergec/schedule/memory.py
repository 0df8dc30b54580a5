"""The proof that a build stays within its budget."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from mergec.diagnostics import MergecError
from mergec.ir.byte_size import format_size
from mergec.ir.plan import MatchTask, MemoryProof
from mergec.ir.program import COPY_BUFFER
from mergec.schedule.errors import BudgetTooSmall
from mergec.schedule.tiling import tile_rows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mergec.ir.plan import JointTask

LARGEST_TILE = 1 << 19
SMALLEST_TILE = 1 << 14
# Measured (tests/end_to_end/test_memory.py): what a process takes that reads, computes and writes
# anything, most of it pages of the libraries that are touched for the first time; what each worker's thread
# takes, and the one beside it that digests sources; and the compiler's own data per node of the graph.
_FIXED = 16 << 20
_PER_WORKER = 1536 << 10
_PER_NODE = 2 << 10
# Kernels that need memory beside their registers: the generator, and float64 rounded to 16 bits.
SCRATCH = 2 << 20


class Need(NamedTuple):
    """A region's appetite: what a worker takes for a tile of it, and whose it is.

    Rows are elements where tiles are flat.
    """

    rows: int  # of the whole region
    row_bytes: int  # of its registers
    turned_bytes: int  # per row, to put into order what a file holds in another
    tensor: str
    fixed: int = 0  # of registers that are whole, and of gaps between registers, whatever the tile
    beside: int = 0  # that held values and kernels take outside the registers
    row_elements: int = 1
    block: int = 1
    factor: int = 1  # by which its tiles are larger than others

    def arena_bytes(self, tile: int) -> int:
        """What the registers of one worker take for a tile of about `tile` elements."""
        rows = tile_rows(self.factor * tile, self.row_elements, self.block)
        return min(rows, self.rows) * (self.row_bytes + self.turned_bytes) + self.fixed + 4096


class HeldThroughout(NamedTuple):
    """What is in memory from first to last: files read whole, decisions, the compiler's own tables."""

    nodes: int  # of the graph
    files: int
    largest_file: str
    decisions: int = 0

    @property
    def tables(self) -> int:
        """The bytes of the compiler's own data."""
        return _FIXED + _PER_NODE * self.nodes + self.decisions

    def room(self, budget: int) -> int:
        """What is left of a budget."""
        return budget - self.files - self.tables


def prove(
    needs: Sequence[Need],
    throughout: HeldThroughout,
    tasks: Sequence[MatchTask | JointTask],
    budget: int,
    workers: int,
) -> tuple[MemoryProof, int]:
    """The proof, and the number of elements per tile that it holds for.

    Raises:
        MergecError: MC0601 when one worker with the smallest tiles needs more than the budget.
    """
    tables, held = throughout.tables, throughout.files
    room = throughout.room(budget)
    hungriest = max(tasks, key=lambda task: task.nbytes, default=None)
    matching = hungriest.nbytes if hungriest else 0
    least = _share(needs, SMALLEST_TILE).whole
    count = max(min(workers, room // least), 1)
    tile = LARGEST_TILE
    while tile > SMALLEST_TILE and count * _share(needs, tile).whole > room:
        tile //= 2
    share = _share(needs, tile)
    proof = MemoryProof(budget, count, share.whole, share.arena, held, tables, share.set_by, matching)
    if proof.peak <= budget:
        return proof, tile
    largest = max(
        (proof.worker_bytes, f"the tensor `{proof.set_by}`"),
        (matching, _matching(hungriest) if hungriest else ""),
        (held, f"reading `{throughout.largest_file}`, which is held whole"),
        (tables - _FIXED, "the tables of a recipe with so many tensors"),
    )
    help_ = f"give it more: `--memory {-(-proof.peak // (1 << 20))}MiB`"
    notes = (
        f"{format_size(largest[0])} of it is for {largest[1]}",
        f"{format_size(_FIXED)} of it is what every build takes",
    )
    needed, allowed = format_size(proof.peak), format_size(budget)
    raise MergecError([BudgetTooSmall(needed=needed, budget=allowed, help=help_, notes=notes)])


def _matching(task: MatchTask | JointTask) -> str:
    if isinstance(task, MatchTask):
        return f"finding the permutations of `{task.uses[0].moved}`"
    return f"{len(task.reduction.streams)} tensors that are looked at together"


class _Share(NamedTuple):
    """What each worker takes: its arena, all of it, and the tensor that sets that."""

    arena: int
    whole: int
    set_by: str


def _share(needs: Sequence[Need], tile: int) -> _Share:
    """A worker's share for tiles of this size.

    The arena keeps the memory that one region touched while the next region holds other values beside
    it: the largest of each add up, whether or not one region has both.
    """
    arena = max((need.arena_bytes(tile) for need in needs), default=0)
    beside = max((need.beside for need in needs), default=0)
    largest = max(needs, key=lambda need: need.arena_bytes(tile) + need.beside, default=None)
    return _Share(arena, arena + beside + COPY_BUFFER + _PER_WORKER, largest.tensor if largest else "")
