"""Reductions: what streams by is taken in piece by piece, in one or more passes.

A reduction makes a state for each stream, takes the stream's tiles in in their order, and puts the states
together in the order of the streams: whoever streams them, and how many at a time, changes no bit.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Protocol

import torch

from mergec.ir.primitive import ROW_BLOCK
from mergec.ir.reduction_primitives import JOINT_NAMES, SUM_BLOCK
from mergec.kernels.gram import Gram
from mergec.kernels.kth_magnitudes import KthMagnitudes
from mergec.kernels.matrix import wide_blocks
from mergec.kernels.spectral import ColumnGram
from mergec.kernels.stream_states import total

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from mergec.ir.primitive import Attributes
    from mergec.ir.strided_view import Shape

    Values = Sequence[torch.Tensor]


class Reduction(Protocol):
    """One reduction under way. Several threads may take in, each into a state of its own."""

    def begin(self) -> torch.Tensor:
        """The state of a stream of which nothing has come yet."""

    def take_in(self, state: torch.Tensor, values: Values) -> None:
        """Take in a tile of each operand."""

    def end_pass(self, states: Iterable[torch.Tensor]) -> torch.Tensor | None:
        """What the streams came to; None if all of them have to come by once more.

        The states come in the order of the streams, each when it is asked for, and may be written to.
        """


class InNumpy:
    """A reduction whose kernels are NumPy's, over the memory of torch's tensors."""

    def __init__(self, reduction: Gram) -> None:
        """Hand everything on to this one."""
        self._reduction = reduction

    def begin(self) -> torch.Tensor:
        """That of a stream of which nothing has come."""
        return torch.from_numpy(self._reduction.begin())

    def take_in(self, state: torch.Tensor, values: Values) -> None:
        """Take in a tile."""
        self._reduction.take_in(state.numpy(), [value.numpy() for value in values])

    def end_pass(self, states: Iterable[torch.Tensor]) -> torch.Tensor:
        """What the streams came to."""
        return torch.from_numpy(self._reduction.end_pass(state.numpy() for state in states))


class Sums:
    """Sums in float64, block by block."""

    def __init__(self, width: int) -> None:
        """Take in `width` operands."""
        self._width = width

    def begin(self) -> torch.Tensor:
        """Zeros."""
        return torch.zeros(self._width, dtype=torch.float64)

    def take_in(self, state: torch.Tensor, values: Values) -> None:
        """Add the sums of a tile."""
        for at, value in enumerate(values):
            flat = value.view(-1)
            whole = len(flat) - len(flat) % SUM_BLOCK
            state[at] += flat[:whole].view(-1, SUM_BLOCK).sum(dim=1, dtype=torch.float64).sum()
            state[at] += flat[whole:].sum(dtype=torch.float64)

    def end_pass(self, states: Iterable[torch.Tensor]) -> torch.Tensor:
        """The sum over the streams."""
        return total(states)


class Extremes:
    """The least and the greatest element."""

    def __init__(self, width: int) -> None:
        """Take in `width` operands."""
        self._width = width

    def begin(self) -> torch.Tensor:
        """Of no elements."""
        return torch.tensor([[math.inf, -math.inf]] * self._width, dtype=torch.float64)

    def take_in(self, state: torch.Tensor, values: Values) -> None:
        """Those of a tile."""
        for row, value in zip(state, values, strict=True):
            if value.numel():
                least, greatest = torch.aminmax(value)
                row[0] = torch.minimum(row[0], least.double())
                row[1] = torch.maximum(row[1], greatest.double())

    def end_pass(self, states: Iterable[torch.Tensor]) -> torch.Tensor:
        """Over the streams."""
        found = self.begin()
        for state in states:
            found[:, 0] = torch.minimum(found[:, 0], state[:, 0])
            found[:, 1] = torch.maximum(found[:, 1], state[:, 1])
        return found


class RowProducts:
    """Dot products of each row, in one stream."""

    def __init__(self, width: int, shape: Shape) -> None:
        """Take in `width` operands of this shape."""
        self._width = width
        # Rows of nothing never come. Pieces of a result that are kept one by one would lie between what
        # is given back after each block of rows, and the heap would grow with the tensor.
        self._products = torch.zeros((shape[0], width, width), dtype=torch.float64)
        self._known = 0

    def begin(self) -> torch.Tensor:
        """Nothing: rows are put where they belong in the order in which they come."""
        return torch.empty(0)

    def take_in(self, state: torch.Tensor, values: Values) -> None:  # noqa: ARG002
        """Add the products of some rows."""
        for wide in _wide_rows(values):
            products = self._products[self._known : self._known + wide.shape[1]]
            for i, j in _pairs(self._width):
                products[:, i, j] = products[:, j, i] = (wide[i] * wide[j]).sum(dim=1)
            self._known += wide.shape[1]

    def end_pass(self, states: Iterable[torch.Tensor]) -> torch.Tensor:
        """Those of all rows."""
        (_,) = states  # they come when they are asked for
        return self._products


class ColumnProducts:
    """Dot products along axis 0, for each index of all other axes."""

    def __init__(self, width: int, shape: Shape) -> None:
        """Take in `width` operands of this shape."""
        self._width = width
        self._columns = math.prod(shape[1:])

    def begin(self) -> torch.Tensor:
        """Zeros."""
        return torch.zeros((self._columns, self._width, self._width), dtype=torch.float64)

    def take_in(self, state: torch.Tensor, values: Values) -> None:
        """Add the products of some rows."""
        for wide in _wide_rows(values):
            for i, j in _pairs(self._width):
                state[:, i, j] += (wide[i] * wide[j]).sum(dim=0)

    def end_pass(self, states: Iterable[torch.Tensor]) -> torch.Tensor:
        """The sum over the streams, both halves of it."""
        found = total(states)
        for i, j in _pairs(self._width):
            found[:, j, i] = found[:, i, j]
        return found


def _pairs(width: int) -> Iterator[tuple[int, int]]:
    return ((i, j) for i in range(width) for j in range(i, width))


def _wide_rows(values: Values) -> Iterator[torch.Tensor]:
    """Blocks of rows of all operands in float64: (operands, rows, columns), in a buffer that is reused."""
    flat = [value.view(value.shape[0], -1) for value in values]
    size = min(ROW_BLOCK, flat[0].shape[0])
    buffer = torch.empty((len(flat), size, flat[0].shape[1]), dtype=torch.float64)
    for start in range(0, flat[0].shape[0], ROW_BLOCK):
        count = min(ROW_BLOCK, flat[0].shape[0] - start)
        wide = buffer[:, :count]
        for row, value in zip(wide.unbind(), flat, strict=True):
            row.copy_(value[start : start + count])
        yield wide


class MeanRows:
    """The mean of the rows: (n, ...) to (1, ...)."""

    def __init__(self, shape: Shape) -> None:
        """Take in rows of a tensor of this shape."""
        self._shape = shape

    def begin(self) -> torch.Tensor:
        """A row of zeros."""
        return torch.zeros((1, *self._shape[1:]), dtype=torch.float64)

    def take_in(self, state: torch.Tensor, values: Values) -> None:
        """Add some rows."""
        for _, block in wide_blocks(values[0]):
            state.add_(block.sum(dim=0, keepdim=True))

    def end_pass(self, states: Iterable[torch.Tensor]) -> torch.Tensor:
        """Their mean."""
        return total(states).div_(self._shape[0])


# By the primitive's name: what makes a reduction of its attributes and the shape of its operands.
REDUCTIONS: dict[str, Callable[[Attributes, Shape], Reduction]] = {
    "gram": lambda attributes, _: InNumpy(Gram(*attributes)),
    "sums": lambda attributes, _: Sums(*attributes),
    "extremes": lambda attributes, _: Extremes(*attributes),
    "kth_magnitudes": lambda attributes, _: KthMagnitudes(*attributes),
    "row_products": lambda attributes, shape: RowProducts(attributes[0], shape),
    "column_products": lambda attributes, shape: ColumnProducts(attributes[0], shape),
    "mean_rows": lambda _, shape: MeanRows(shape),
    "column_gram": lambda attributes, _: ColumnGram(attributes[1]),
}
REDUCTIONS.update({joint: REDUCTIONS[one] for joint, one in JOINT_NAMES.items()})
