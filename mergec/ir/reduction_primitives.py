"""Reductions over whole tensors, and the few numbers that are computed from them.

A reduction streams tensors by and gives a small float64 vector. It has `width` operands that go in step,
or several groups of so many: the parts of tensors that were put together, or tensors of many names. Those
of many names are decided before anything is computed, as every output rests on them.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from hashlib import sha256
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from mergec.ir.dtype import DType
from mergec.ir.primitive import (
    ROW_BLOCK,
    Attributes,
    Locality,
    Primitive,
    Reproducibility,
    TypeMismatch,
    Types,
)
from mergec.ir.primitives import arithmetic_dtype
from mergec.ir.tensor_type import TensorType

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    HostCode = Callable[..., Sequence[float] | NDArray[Any]]

# Sums are taken of so many elements of each operand at a time: part of what the numerics fix.
SUM_BLOCK = 1 << 17
_F64_BYTES = 8
# How many values are counted at a time, and what a histogram over 16 bits of each takes.
COUNTED_AT_ONCE = 1 << 18
_HISTOGRAM = (1 << 16) * _F64_BYTES


class Rank(NamedTuple):
    """The value that is wanted: the `rank`-th largest magnitude, from 1 on, of an operand of each group.

    With a `share` the rank is this share of the elements that are not 0, rounded down.
    """

    operand: int
    rank: int = 0
    share: float = 0.0


@dataclass(frozen=True, slots=True)
class HostFunction:
    """A Python function that computes numbers from numbers. It is told from others by name and source."""

    name: str
    source: str  # SHA-256 of the file it is in; "" for mergec's own, which the numerics version tells apart
    function: HostCode = field(compare=False, hash=False, repr=False)

    @classmethod
    def of(cls, function: HostCode) -> HostFunction:
        """The identity of a function on the top level of a module."""
        module = function.__module__
        name = f"{module}.{function.__qualname__}"
        if module.startswith("mergec."):
            return cls(name, "", function)
        file = getattr(sys.modules.get(module), "__file__", None)
        return cls(name, sha256(Path(file).read_bytes()).hexdigest() if file else "", function)


def _vector(count: int) -> TensorType:
    return TensorType((count,), DType.F64, None)


def _checked_groups(types: Types, width: int) -> None:
    for start in range(0, len(types), width):
        group = types[start : start + width]
        if any(one.shape != group[0].shape for one in group):
            raise TypeMismatch("shape")
    arithmetic_dtype(types)


def _gram(types: Types, attributes: Attributes) -> TensorType:
    (width,) = attributes
    _checked_groups(types, width)
    return TensorType((width, width), DType.F64, None)


def _sums(types: Types, attributes: Attributes) -> TensorType:
    _checked_groups(types, attributes[0])
    return _vector(attributes[0])


def _extremes(types: Types, attributes: Attributes) -> TensorType:
    _checked_groups(types, attributes[0])
    return TensorType((attributes[0], 2), DType.F64, None)


def _row_products(types: Types, attributes: Attributes) -> TensorType:
    (width,) = attributes
    _checked_groups(types, width)
    return TensorType((types[0].shape[0], width, width), DType.F64, None)


def _column_products(types: Types, attributes: Attributes) -> TensorType:
    (width,) = attributes
    _checked_groups(types, width)
    return TensorType((prod(types[0].shape[1:]), width, width), DType.F64, None)


def _kth_magnitudes(types: Types, attributes: Attributes) -> TensorType:
    width, ranks = attributes
    _checked_groups(types, width)
    return _vector(len(ranks))


def _sum_scratch(types: Types, attributes: Attributes) -> int:
    width: int = attributes[0]
    return (width + 1) * min(SUM_BLOCK, max(prod(one.shape) for one in types)) * _F64_BYTES


def _row_scratch(types: Types, attributes: Attributes) -> int:
    """Blocks of rows, and the products of every row while they are gathered."""
    return _blocks_of_rows(types, attributes[0], types[0].shape[0])


def _column_scratch(types: Types, attributes: Attributes) -> int:
    """Blocks of rows, and the products of every column while they are gathered."""
    return _blocks_of_rows(types, attributes[0], prod(types[0].shape[1:]))


def _blocks_of_rows(types: Types, width: int, results: int) -> int:
    """Of each operand and of a product, and sets of dot products: what there is, what comes, and both."""
    count, row = types[0].shape[0], prod(types[0].shape[1:])
    return ((width + 2) * min(ROW_BLOCK, count) * row + 3 * width * width * results) * _F64_BYTES


def _histogram_scratch(types: Types, attributes: Attributes) -> int:
    """Magnitudes, what they begin with, those that begin alike, and histograms.

    There are two histograms for each rank, or in the first pass for each operand: of one stream, and of all
    that came before. One for each rank is kept while a part is counted, and others come and go.
    """
    width: int = attributes[0]
    ranks: tuple[Rank, ...] = attributes[1]
    values = min(COUNTED_AT_ONCE, max(prod(one.shape) for one in types))
    itemsize = arithmetic_dtype(types).itemsize
    return values * (3 * itemsize + 1) + (2 * max(width, len(ranks)) + len(ranks) + 6) * _HISTOGRAM


def _scalars(types: Types, attributes: Attributes) -> TensorType:
    if any(one.dtype is not DType.F64 for one in types):
        raise TypeMismatch("dtype")
    return _vector(attributes[1])


# Each comment lists the attributes of a node. `width` is the number of operands in a group.
# width. Dot products of the operands: (width, width).
GRAM = Primitive("gram", _gram, Locality.REDUCE, Reproducibility.R1, _sum_scratch)
# width. The sum of the elements of each operand: (width,).
SUMS = Primitive("sums", _sums, Locality.REDUCE, Reproducibility.R1, _sum_scratch)
# width. The same of each row, along all other axes: (rows, width, width).
ROW_PRODUCTS = Primitive("row_products", _row_products, Locality.REDUCE, Reproducibility.R1, _row_scratch)
# width. The same along axis 0, for each index of all other axes: (columns, width, width).
COLUMN_PRODUCTS = Primitive(
    "column_products", _column_products, Locality.REDUCE, Reproducibility.R1, _column_scratch
)
# width. The least and the greatest element of each operand: (width, 2).
EXTREMES = Primitive("extremes", _extremes, Locality.REDUCE)
# width, ranks. Magnitudes by rank: one for each rank.
KTH_MAGNITUDES = Primitive(
    "kth_magnitudes", _kth_magnitudes, Locality.REDUCE, Reproducibility.R0, _histogram_scratch
)
# A host function, the number of results and constants: the function of the operands' numbers.
SCALARS = Primitive("scalars", _scalars, Locality.WHOLE, Reproducibility.R1)

# Of these it does not matter which element lies where.
_REDUCTIONS = (GRAM, SUMS, EXTREMES, KTH_MAGNITUDES)


def _joint(one: Primitive) -> Primitive:
    """The same over tensors of many names."""
    return Primitive(f"joint_{one.name}", one.infer, Locality.DECISION, one.reproducibility, one.scratch)


JOINT: dict[Primitive, Primitive] = {one: _joint(one) for one in _REDUCTIONS}

REDUCTION_PRIMITIVES: dict[str, Primitive] = {
    p.name: p for p in (*_REDUCTIONS, *JOINT.values(), ROW_PRODUCTS, COLUMN_PRODUCTS, SCALARS)
}
IN_ANY_ORDER = frozenset((*_REDUCTIONS, *JOINT.values()))
JOINT_NAMES: dict[str, str] = {joint.name: one.name for one, joint in JOINT.items()}
