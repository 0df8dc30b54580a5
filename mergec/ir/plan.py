"""The plan: everything that will be done, as data. Made by schedule/, carried out by execute/."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import prod
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from mergec.ir.config_edit import SideChange
    from mergec.ir.dtype import DType
    from mergec.ir.primitive import Reproducibility
    from mergec.ir.strided_view import Shape, StridedView

# What a worker takes beside its registers, which the proof counts: each register begins at a multiple of
# this, and copies that the kernel cannot do alone go through a buffer of this size.
REGISTER_ALIGNMENT = 64
COPY_BUFFER = 1 << 20


class Generator(NamedTuple):
    """Values that no file holds: normal, with this standard deviation, keyed by seed and name."""

    seed: int
    name: str
    deviation: float


class LoadedLeaf(NamedTuple):
    """An operand of a region: a region of a file, of a generator's endless sequence, or of a held value.

    `is_turned`: the file holds the elements in another order than the view's axes. `is_held`: the
    view's `file` is the number of a held value of the region instead. `reduction`: the values are
    made by streaming others; only leaves of held values are.
    """

    view: StridedView
    generator: Generator | None = None
    is_turned: bool = False
    is_held: bool = False
    reduction: Reduction | None = None


class Register(NamedTuple):
    """A part of a worker's memory: as many rows of shape `row` as the tile has, or one if `is_single`.

    Where a tile is a flat run of elements, each element is a row of shape ().
    """

    dtype: DType
    row: Shape = ()
    is_single: bool = False

    @property
    def row_bytes(self) -> int:
        """The bytes of one row."""
        return prod(self.row) * self.dtype.itemsize


class Instruction(NamedTuple):
    """One kernel call: registers[target] = kernel(registers[sources]..., held values..., *attributes).

    The kernel `load` takes the number of a leaf as its attribute. `held` are numbers of held values.
    """

    kernel: str
    target: int
    sources: tuple[int, ...]
    attributes: tuple[object, ...] = ()
    held: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Program:
    """A register program for one tile; `result` is the register to store.

    `by_rows`: a tile is some rows of the tensor, rather than a flat run or a box. `block` is what the
    rows of a tile are a multiple of, so that its size cannot change a sum. `scratch` counts the bytes
    that the kernels take beside the registers.
    """

    registers: tuple[Register, ...]
    instructions: tuple[Instruction, ...]
    result: int
    by_rows: bool = False
    block: int = 1
    scratch: int = 0

    @property
    def row_bytes(self) -> int:
        """The bytes that one row of a tile takes, over all registers."""
        return sum(register.row_bytes for register in self.registers if not register.is_single)

    @property
    def single_bytes(self) -> int:
        """The bytes of the registers that do not grow with the tile."""
        return sum(register.row_bytes for register in self.registers if register.is_single)

    @property
    def row_elements(self) -> int:
        """The elements of the widest row."""
        return max((prod(register.row) for register in self.registers if not register.is_single), default=1)


class Reduction(NamedTuple):
    """A value that is gathered from rows which stream by, `tile` of them at a time, in their order."""

    kernel: str
    program: Program
    leaves: tuple[LoadedLeaf, ...]
    held: tuple[HeldValue, ...]
    rows: int
    tile: int


class HeldValue(NamedTuple):
    """A value that a region needs whole: computed once, before its first tile, and kept until its last.

    All registers of the program are single: their rows are whole tensors.
    """

    program: Program
    leaves: tuple[LoadedLeaf, ...]

    @property
    def nbytes(self) -> int:
        """The bytes that stay in memory."""
        return self.program.registers[self.program.result].row_bytes


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
        return tuple(_all_leaves(self.leaves, self.held))


def _all_leaves(leaves: Iterable[LoadedLeaf], held: Iterable[HeldValue]) -> Iterator[LoadedLeaf]:
    for leaf in leaves:
        if leaf.reduction is not None:
            yield from _all_leaves(leaf.reduction.leaves, leaf.reduction.held)
        elif not leaf.is_held:
            yield leaf
    for value in held:
        yield from _all_leaves(value.leaves, ())


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
    """Why the build fits: peak = workers * worker_bytes + held + tables, and peak <= budget.

    `arena_bytes` of a worker's share are for registers. `held` is what reading keeps (legacy pickles),
    `tables` what the compiler's own data takes, and `set_by` the tensor whose program needs the most.
    """

    budget: int
    workers: int
    worker_bytes: int
    arena_bytes: int
    held: int
    tables: int
    set_by: str

    @property
    def peak(self) -> int:
        """The most bytes in use at once, above the interpreter and its libraries."""
        return self.workers * self.worker_bytes + self.held + self.tables


@dataclass(frozen=True, slots=True)
class Plan:
    """A build, decided: regions in the order in which they are started."""

    layout: OutputLayout
    regions: tuple[Region, ...]
    memory: MemoryProof
    bytes_read: int
    bytes_copied: int
    config: tuple[SideChange, ...] = ()

    @property
    def computes(self) -> bool:
        """Whether anything is computed, so that torch is needed."""
        return not all(region.is_copy for region in self.regions)

    @property
    def bytes_written(self) -> int:
        """The bytes of the output's files."""
        return self.layout.nbytes
