"""What a primitive is: a type rule, a locality and a reproducibility class."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any

from mergec.ir.tensor_type import TensorType

if TYPE_CHECKING:
    from collections.abc import Callable

    from mergec.ir.dtype import DType

# Rowwise kernels work on blocks of this many rows, counted from a tensor's first: part of what the
# numerics of the language version fix, because sums in blocks of other sizes may round differently.
ROW_BLOCK = 32
# Rows that are summed together have no more elements than this; longer ones are summed one by one.
SUMMED_TOGETHER = 1 << 20

Types = tuple[TensorType, ...]
Attributes = tuple[Any, ...]


def summed_together(row: int) -> int:
    """How many rows of so many elements are summed together.

    Fewer of them where they are long: what is computed of a row may not take many times its memory.
    """
    count = ROW_BLOCK
    while count > 1 and count * row > SUMMED_TOGETHER:
        count //= 2
    return count


class Locality(Enum):
    """Which input elements an output element needs."""

    LEAF = "leaf"  # no inputs: bytes of a file, or values made up
    ELEMENTWISE = "elementwise"  # those at its own index
    UNIFORM = "uniform"  # the one at its own index of the first input, and all of the others, which are small
    LAYOUT = "layout"  # one element, at another index: parts taken or put together
    VIEW = "view"  # one element, at another index: all of them, in another order or shape
    ROWWISE = "rowwise"  # the same rows (axis 0) of the first input, and all of the others
    PICKED = "picked"  # whole rows (axis 0) of the first input, whose numbers are the second
    REDUCE = "reduce"  # all of its inputs, streamed as often as it takes
    DECISION = "decision"  # all of every input, streamed as often as it takes, before anything is computed
    WHOLE = "whole"  # all of every input

    # As for DType: every stage asks for these of every node.
    __hash__ = object.__hash__


class Reproducibility(Enum):
    """How far the bytes of a result can be promised."""

    R0 = "R0"  # equal on any machine
    R1 = "R1"  # equal for the same builds of torch and NumPy
    R2 = "R2"  # within a tolerance

    __hash__ = object.__hash__


class TypeMismatch(Exception):  # noqa: N818  # a finding that check/ turns into a diagnostic
    """A primitive cannot be applied to operands of these types.

    `dtype` is what its result would have had, so that what uses the result is not told again.
    """

    def __init__(self, reason: str, dtype: DType | None = None) -> None:
        """`reason` is "shape" or "dtype"."""
        super().__init__(reason)
        self.dtype = dtype


@dataclass(frozen=True, slots=True, eq=False)
class Primitive:
    """A primitive's static side. `infer` raises TypeMismatch where the operands do not fit.

    `scratch` gives the bytes that the kernel takes beside its operands and its result, of a rowwise
    one for a block of rows. `block` tells how many these are: a power of two, up to ROW_BLOCK, that depends
    on the length of the rows alone. There is one object of each, so they are compared and hashed by
    identity: millions of times.
    """

    name: str
    infer: Callable[[Types, Attributes], TensorType]
    locality: Locality
    reproducibility: Reproducibility = Reproducibility.R0
    scratch: Callable[[Types, Attributes], int] = lambda _types, _attributes: 0
    block: Callable[[Types], int] = lambda _types: ROW_BLOCK

    def streams(self, position: int) -> bool:
        """Whether the operand at a position comes piece by piece, rather than being held whole."""
        if self.locality in {Locality.ROWWISE, Locality.UNIFORM}:
            return position == 0
        return self.locality is Locality.ELEMENTWISE
