"""The plan: everything that will be done, as data. Made by schedule/, carried out by execute/."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple

from mergec.ir.program import all_leaves

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mergec.ir.config_edit import SideChange
    from mergec.ir.dtype import DType
    from mergec.ir.matching import Matching, MatchUse
    from mergec.ir.primitive import Reproducibility
    from mergec.ir.program import HeldValue, LoadedLeaf, Program, Reduction, StreamedRows
    from mergec.ir.strided_view import Shape, StridedView


@dataclass(frozen=True, slots=True)
class Region:
    """A box of one output tensor and what computes it.

    `target` views the shard file. `tile` is the box that a worker computes at a time; where everything
    is contiguous, shapes are flat. All leaves have the target's shape, or in a program by rows its
    number of rows or one. `is_copy`: nothing is computed and nothing is strided, so the bytes are moved
    as they are.
    """

    tensor: int
    program: Program
    leaves: tuple[LoadedLeaf, ...]
    target: StridedView
    tile: Shape
    is_copy: bool
    held: tuple[HeldValue, ...] = ()

    @property
    def all_leaves(self) -> tuple[LoadedLeaf, ...]:
        """The leaves, also those of the held values; without those that are held values."""
        return tuple(all_leaves(self.leaves, self.held))


class MatchTask(NamedTuple):
    """Permutations to find before anything is computed, with `workers` threads.

    `operands` are the tensors to compare: of the anchor, then of each model, in the symmetry's order.
    `uses` tell what it is for, and `nbytes` counts what it takes beside the result. `kept` are those
    operands, of all models, that are computed once and stay in memory.
    """

    matching: Matching
    operands: tuple[tuple[StreamedRows, ...], ...]
    uses: tuple[MatchUse, ...]
    workers: int
    nbytes: int
    kept: tuple[bool, ...] = ()

    @property
    def leaves(self) -> Iterator[LoadedLeaf]:
        """The leaves of all operands."""
        for rows in chain.from_iterable(self.operands):
            yield from all_leaves(rows.leaves, rows.held)


class GivenVector(NamedTuple):
    """Permutations that the recipe gives: the bytes of an int32 vector."""

    vector: bytes


class JointTask(NamedTuple):
    """A reduction over tensors of many names, with `workers` threads. `nbytes` counts what it takes."""

    reduction: Reduction
    workers: int
    nbytes: int

    @property
    def leaves(self) -> Iterator[LoadedLeaf]:
        """The leaves of all operands."""
        return self.reduction.leaves


Decision = MatchTask | GivenVector | JointTask
"""What gives the vectors that leaves refer to by number: permutations, int32 (models, length), or float64."""


@dataclass(frozen=True, slots=True)
class PlacedTensor:
    """An output tensor in its shard. `offset` counts from the start of the file."""

    name: str
    dtype: DType
    shape: Shape
    shard: int
    offset: int
    nbytes: int
    reproducibility: Reproducibility


@dataclass(frozen=True, slots=True)
class Shard:
    """An output file: its name, its first bytes and its size."""

    name: str
    header: bytes = field(repr=False)
    size: int


@dataclass(frozen=True, slots=True)
class OutputLayout:
    """Where every output byte goes. `index` is the text of the index file, if there is one."""

    tensors: tuple[PlacedTensor, ...]
    shards: tuple[Shard, ...]
    index: str | None

    @property
    def nbytes(self) -> int:
        """The bytes of all shards."""
        return sum(shard.size for shard in self.shards)


@dataclass(frozen=True, slots=True)
class MemoryProof:
    """Why the build fits: peak = max(workers * worker_bytes, matching) + held + tables <= budget.

    `arena_bytes` of a worker's share are for registers. `held` is what reading keeps (legacy pickles),
    `tables` what the compiler's own data takes, and `set_by` the tensor whose program needs the most.
    `matching` is what the hungriest match takes, which is over before the workers begin.
    """

    budget: int
    workers: int
    worker_bytes: int
    arena_bytes: int
    held: int
    tables: int
    set_by: str
    matching: int = 0

    @property
    def peak(self) -> int:
        """The most bytes in use at once, above the interpreter and its libraries."""
        return max(self.workers * self.worker_bytes, self.matching) + self.held + self.tables


@dataclass(frozen=True, slots=True)
class Plan:
    """A build, decided: regions in the order in which they are started, after all decisions are made.

    A decision may depend on earlier ones.
    """

    layout: OutputLayout
    regions: tuple[Region, ...]
    memory: MemoryProof
    bytes_read: int
    bytes_copied: int
    config: tuple[SideChange, ...] = ()
    decisions: tuple[Decision, ...] = ()

    @property
    def computes(self) -> bool:
        """Whether anything is computed, so that torch is needed."""
        return not all(region.is_copy for region in self.regions)

    @property
    def matches(self) -> tuple[MatchTask, ...]:
        """The matches to solve, in order."""
        return tuple(decision for decision in self.decisions if isinstance(decision, MatchTask))

    @property
    def permutations(self) -> tuple[int, ...]:
        """The numbers of the decisions that give permutations, which another build may find otherwise."""
        return tuple(at for at, one in enumerate(self.decisions) if not isinstance(one, JointTask))

    @property
    def bytes_written(self) -> int:
        """The bytes of the output's files."""
        return self.layout.nbytes
