"""The plan: everything that will be done, as data. Made by schedule/, carried out by execute/."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from mergec.ir.config_edit import ConfigEdit
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
    """An operand of a region: a region of a file, or of a generator's endless sequence.

    `is_turned`: the file holds the elements in another order than the view's axes.
    """

    view: StridedView
    generator: Generator | None = None
    is_turned: bool = False


class Instruction(NamedTuple):
    """One kernel call: registers[target] = kernel(registers[sources]..., *attributes).

    The kernel `load` takes the number of a leaf as its attribute.
    """

    kernel: str
    target: int
    sources: tuple[int, ...]
    attributes: tuple[object, ...] = ()


@dataclass(frozen=True, slots=True)
class Program:
    """A register program for one tile. `registers` are their dtypes; `result` is the one to store."""

    registers: tuple[DType, ...]
    instructions: tuple[Instruction, ...]
    result: int

    @property
    def element_bytes(self) -> int:
        """The bytes that one element of a tile takes, over all registers."""
        return sum(dtype.itemsize for dtype in self.registers)


@dataclass(frozen=True, slots=True)
class Region:
    """A box of one output tensor and what computes it.

    `target` views the shard file. All leaves have the target's shape. `tile` is the box that a worker
    computes at a time; where everything is contiguous, shapes are flat. `is_copy`: nothing is computed
    and nothing is strided, so the bytes are moved as they are.
    """

    tensor: int
    program: Program
    leaves: tuple[LoadedLeaf, ...]
    target: StridedView
    tile: Shape
    is_copy: bool


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

    `held` is what reading keeps (legacy pickles), `tables` what the compiler's own data takes, and
    `set_by` the tensor whose program needs the most.
    """

    budget: int
    workers: int
    worker_bytes: int
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
    config: tuple[ConfigEdit, ...] = ()

    @property
    def computes(self) -> bool:
        """Whether anything is computed, so that torch is needed."""
        return not all(region.is_copy for region in self.regions)

    @property
    def bytes_written(self) -> int:
        """The bytes of the output's files."""
        return self.layout.nbytes
