"""Register programs, as data: what computes a tile, what it loads, and what has to be there before."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from mergec.ir.dtype import DType
    from mergec.ir.strided_view import Shape, StridedView

# What a worker takes beside its registers, which the proof counts: each register begins at a multiple of
# this, and copies that the kernel cannot do alone go through a buffer of this size.
REGISTER_ALIGNMENT = 64
COPY_BUFFER = 1 << 20


class Generator(NamedTuple):
    """Values that no file holds, keyed by seed and name.

    `number` is the standard deviation of `normal` ones, and the share that is 1 of those that are `kept`.
    """

    distribution: str
    seed: int
    name: str
    number: float = 1.0


class Picked(NamedTuple):
    """Rows in an order that is known only when the build runs.

    `numbers` is the held value with the numbers of the rows to take. They are numbered through
    `parts`: contiguous regions of files, or of held values where the leaf is one of these.
    """

    numbers: int
    parts: tuple[StridedView, ...]


class LoadedLeaf(NamedTuple):
    """An operand of a region: a region of a file, of a generator's endless sequence, or of a held value.

    `is_turned`: the file holds the elements in another order than the view's axes. `is_held`: the
    view's `file` is the number of a held value of the region instead. `reduction`: the values are
    made by streaming others; only leaves of held values are. `picked`: the view is of no file, and
    only tells what comes of the rows that are picked. `decision`: the number of a decision of the plan.
    """

    view: StridedView
    generator: Generator | None = None
    is_turned: bool = False
    is_held: bool = False
    reduction: Reduction | None = None
    picked: Picked | None = None
    decision: int | None = None

    @property
    def read_bytes(self) -> int:
        """The bytes that are read of a file."""
        is_read = self.generator is None and self.decision is None and not self.is_held
        return self.view.nbytes if is_read else 0


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

    `results` are several of a program for a reduction, which takes them in together. `by_rows`: a tile is
    some rows of the tensor, rather than a flat run or a box. `block` is what the rows of a tile are a
    multiple of, so that its size cannot change a sum. `scratch` counts the bytes that the kernels take
    beside the registers.
    """

    registers: tuple[Register, ...]
    instructions: tuple[Instruction, ...]
    result: int
    by_rows: bool = False
    block: int = 1
    scratch: int = 0
    results: tuple[int, ...] = ()

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


class StreamedRows(NamedTuple):
    """A value of which rows can be had: what computes `tile` of them at a time, from which leaves."""

    program: Program
    leaves: tuple[LoadedLeaf, ...]
    held: tuple[HeldValue, ...]
    shape: Shape
    tile: int

    @property
    def turned_bytes(self) -> int:
        """What it takes per row to put into order what a file holds in another."""
        count = max(self.shape[0], 1)
        return max((leaf.view.nbytes // count for leaf in self.leaves if leaf.is_turned), default=0)


class Stream(NamedTuple):
    """Values that go by together, `tile` of a box of `shape` at a time, in row-major order.

    `shape` is that of the leaves, which are flat where everything is contiguous; in a program by rows a
    tile is some rows.
    """

    program: Program
    leaves: tuple[LoadedLeaf, ...]
    held: tuple[HeldValue, ...]
    shape: Shape
    tile: Shape

    @property
    def tile_rows(self) -> int:
        """The rows of a tile; elements are the rows of what is not by rows."""
        return self.tile[0] if self.program.by_rows else prod(self.tile)

    @property
    def turned_bytes(self) -> int:
        """What it takes to put into order what a file holds in another, for a tile."""
        return max(
            (self._elements(leaf) * leaf.view.dtype.itemsize for leaf in self.leaves if leaf.is_turned),
            default=0,
        )

    def _elements(self, leaf: LoadedLeaf) -> int:
        """The elements of a leaf in a tile: rows of operands may differ in width."""
        return self.tile_rows * prod(leaf.view.shape[1:]) if self.program.by_rows else prod(self.tile)


class Reduction(NamedTuple):
    """A small value that is gathered from streams, which go by one after another as often as it takes.

    `scratch` counts the bytes that the kernel takes.
    """

    kernel: str
    attributes: tuple[object, ...]
    streams: tuple[Stream, ...]
    shape: Shape
    scratch: int

    @property
    def leaves(self) -> Iterator[LoadedLeaf]:
        """The leaves of all streams."""
        for stream in self.streams:
            yield from all_leaves(stream.leaves, stream.held)


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


def all_leaves(leaves: Iterable[LoadedLeaf], held: Iterable[HeldValue]) -> Iterator[LoadedLeaf]:
    """The leaves of a program and of what it holds, without those that are held values."""
    for leaf in leaves:
        if leaf.reduction is not None:
            yield from leaf.reduction.leaves
        elif not leaf.is_held:
            yield leaf
    for value in held:
        yield from all_leaves(value.leaves, ())
