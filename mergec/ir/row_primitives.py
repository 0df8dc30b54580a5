"""The primitives that look at each row by itself: sums, extremes and ranks. A row is an index of axis 0."""

from __future__ import annotations

from math import prod

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

# Rows that are ranked at a time have together about so many elements.
RANKED_AT_ONCE = 1 << 16
# A float32 counts no further than this.
_MOST_RANKS = 1 << 24
_F64_BYTES = 8


def _per_row(types: Types, _: Attributes) -> TensorType:
    (value,) = types
    if len(value.shape) < 2:
        raise TypeMismatch("shape")
    return TensorType((value.shape[0], *(1 for _ in value.shape[1:])), arithmetic_dtype(types), value.degree)


def _ranks(types: Types, _: Attributes) -> TensorType:
    (value,) = types
    if len(value.shape) < 2:
        raise TypeMismatch("shape")
    dtype = arithmetic_dtype(types)
    return TensorType(value.shape, DType.F64 if prod(value.shape[1:]) > _MOST_RANKS else dtype, None)


def _widening(types: Types, _: Attributes) -> int:
    return ROW_BLOCK * prod(types[0].shape[1:]) * _F64_BYTES


def _ranking(types: Types, _: Attributes) -> int:
    """The values, keys and positions of the rows that are ranked at a time, and what sorting takes."""
    return 8 * _F64_BYTES * max(prod(types[0].shape[1:]), RANKED_AT_ONCE)


# None of these has attributes.
# From (n, ...) to (n, 1, ...): a sum in float64, rounded once, and extremes: a NaN where one is among them,
# +0.0 for a zero, and infinite ones of rows without elements.
ROW_SUM = Primitive("row_sum", _per_row, Locality.ROWWISE, Reproducibility.R1, _widening)
ROW_MAX = Primitive("row_max", _per_row, Locality.ROWWISE)
ROW_MIN = Primitive("row_min", _per_row, Locality.ROWWISE)
# How many elements of its row come before each in ascending order. Of equal ones the first comes first, and
# NaNs come last.
ROW_RANK = Primitive("row_rank", _ranks, Locality.ROWWISE, scratch=_ranking)

ROW_PRIMITIVES: dict[str, Primitive] = {p.name: p for p in (ROW_SUM, ROW_MAX, ROW_MIN, ROW_RANK)}
