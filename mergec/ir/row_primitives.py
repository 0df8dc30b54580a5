"""The primitives that look at each row by itself: sums, extremes and ranks. A row is an index of axis 0."""

from __future__ import annotations

from math import prod

from mergec.ir.dtype import DType
from mergec.ir.primitive import (
    Attributes,
    Locality,
    Primitive,
    Reproducibility,
    TypeMismatch,
    Types,
    summed_together,
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


def row_widening(types: Types, _: Attributes) -> int:
    """The rows that are summed together, in float64."""
    return rows_summed(types) * prod(types[0].shape[1:]) * _F64_BYTES


def rows_summed(types: Types) -> int:
    """How many rows of a tensor are summed together."""
    return summed_together(prod(types[0].shape[1:]))


def _each_alone(_: Types) -> int:
    return 1


def _ranking(types: Types, attributes: Attributes) -> int:
    """Of the rows that are ranked at a time the values, keys and two times positions; in float64 more."""
    value = _ranks(types, attributes)
    words = 8 if value.dtype is DType.F64 else 5
    return words * _F64_BYTES * max(prod(value.shape[1:]), RANKED_AT_ONCE)


# None of these has attributes.
# From (n, ...) to (n, 1, ...): a sum in float64, rounded once, and extremes: a NaN where one is among them,
# +0.0 for a zero, and infinite ones of rows without elements.
ROW_SUM = Primitive("row_sum", _per_row, Locality.ROWWISE, Reproducibility.R1, row_widening, rows_summed)
ROW_MAX = Primitive("row_max", _per_row, Locality.ROWWISE, block=_each_alone)
ROW_MIN = Primitive("row_min", _per_row, Locality.ROWWISE, block=_each_alone)
# How many elements of its row come before each in ascending order. Of equal ones the first comes first, and
# NaNs come last.
ROW_RANK = Primitive("row_rank", _ranks, Locality.ROWWISE, scratch=_ranking, block=_each_alone)

ROW_PRIMITIVES: dict[str, Primitive] = {p.name: p for p in (ROW_SUM, ROW_MAX, ROW_MIN, ROW_RANK)}
