"""The primitives that work on rows and on whole tensors.

Of a `rowwise` one, a block of rows of the result needs the same rows of the first operand and the
whole of the others, which are held in memory while the rows stream by. Of a `whole` one all
operands are held. Sums are taken in float64, and rounded once to the dtype that arithmetic is in.
"""

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
from mergec.ir.row_primitives import row_widening, rows_summed
from mergec.ir.tensor_type import TensorType

# A product's columns come in blocks of this many: more would take more memory and gain nothing.
COLUMN_BLOCK = 1024
_F64_BYTES = 8
# Measured (tests/end_to_end/test_memory.py): buffers of the library that multiplies.
_PACKED = 2 << 20


def _matmul(types: Types, _: Attributes) -> TensorType:
    left, right = types
    if len(left.shape) != 2 or len(right.shape) not in {2, 3}:
        raise TypeMismatch("shape")
    blocks = right.shape[0] if len(right.shape) == 3 else 1
    inner, outer = right.shape[-2:]
    if left.shape[1] != blocks * inner:
        raise TypeMismatch("shape")
    return TensorType((left.shape[0], blocks * outer), arithmetic_dtype(types), left.degree)


def _row_norm(types: Types, _: Attributes) -> TensorType:
    (value,) = types
    if len(value.shape) < 2:
        raise TypeMismatch("shape")
    return TensorType((value.shape[0], *(1 for _ in value.shape[1:])), arithmetic_dtype(types), value.degree)


def _reshape(types: Types, attributes: Attributes) -> TensorType:
    shape = attributes[0]
    if prod(shape) != prod(types[0].shape):
        raise TypeMismatch("shape")
    return types[0]._replace(shape=shape)


def _permute(types: Types, attributes: Attributes) -> TensorType:
    order = attributes[0]
    if sorted(order) != list(range(len(types[0].shape))):
        raise TypeMismatch("shape")
    return types[0]._replace(shape=tuple(types[0].shape[axis] for axis in order))


def _gather_columns(types: Types, attributes: Attributes) -> TensorType:
    (value,) = types
    columns = attributes[0]
    if len(value.shape) != 2 or any(not 0 <= column < value.shape[1] for column in columns):
        raise TypeMismatch("shape")
    return value._replace(shape=(value.shape[0], len(columns)))


def _skew(types: Types, attributes: Attributes) -> TensorType:
    (value,) = types
    size: int = attributes[0]
    if len(value.shape) != 2 or value.shape[1] != size * (size - 1) // 2:
        raise TypeMismatch("shape")
    return TensorType((value.shape[0], size, size), arithmetic_dtype(types), value.degree)


def _rotation(types: Types, _: Attributes) -> TensorType:
    (value,) = types
    if len(value.shape) != 3 or value.shape[1] != value.shape[2]:
        raise TypeMismatch("shape")
    return TensorType(value.shape, DType.F64, value.degree)


def _mean_rows(types: Types, _: Attributes) -> TensorType:
    (value,) = types
    if not value.shape or value.shape[0] == 0:
        raise TypeMismatch("shape")
    return TensorType((1, *value.shape[1:]), arithmetic_dtype(types), value.degree)


def _resize_grid(types: Types, attributes: Attributes) -> TensorType:
    (value,) = types
    old, new, _mode, _smooth = attributes
    if len(value.shape) != 2 or value.shape[0] != prod(old):
        raise TypeMismatch("shape")
    return TensorType((prod(new), value.shape[1]), arithmetic_dtype(types), value.degree)


def _grid_scratch(types: Types, attributes: Attributes) -> int:
    """Both grids with the channels in front, and the rows of the first in float32 or float64."""
    old, new, _mode, _smooth = attributes
    return 3 * _F64_BYTES * types[0].shape[1] * (prod(old) + prod(new))


def _matmul_scratch(types: Types, _: Attributes) -> int:
    """A block of rows and one of the product in float64, and what the library packs the operands into."""
    left, right = types
    outer = right.shape[-1] * right.shape[0] if len(right.shape) == 3 else COLUMN_BLOCK
    return ROW_BLOCK * (left.shape[1] + outer) * _F64_BYTES + _PACKED


def _mean_scratch(types: Types, _: Attributes) -> int:
    """A block of rows, the sum and the mean."""
    return (ROW_BLOCK + 2) * prod(types[0].shape[1:]) * _F64_BYTES


def _matrices_scratch(types: Types, _: Attributes) -> int:
    return 6 * types[0].shape[0] * types[0].shape[-1] ** 2 * _F64_BYTES


# Each comment lists the attributes of a node.
# The rows of the left (n, g*k) by g matrices side by side (g, k, c), or by one (k, c): (n, g*c). None.
MATMUL = Primitive("matmul", _matmul, Locality.ROWWISE, Reproducibility.R1, _matmul_scratch)
# The Euclidean norm of each row: (n, ...) to (n, 1, ...). None.
ROW_NORM = Primitive("row_norm", _row_norm, Locality.ROWWISE, Reproducibility.R1, row_widening, rows_summed)
# The columns to take, in order.
GATHER_COLUMNS = Primitive("gather_columns", _gather_columns, Locality.ROWWISE)
# A shape: the elements in row-major order laid out anew.
RESHAPE = Primitive("reshape", _reshape, Locality.VIEW)
# The order of the old axes in the result.
PERMUTE = Primitive("permute", _permute, Locality.VIEW)
# A size b: rows of b(b-1)/2 entries above the diagonal, row by row, to skew-symmetric (b, b) matrices.
SKEW = Primitive("skew", _skew, Locality.WHOLE)
# The mean of the rows: (n, ...) to (1, ...). None.
MEAN_ROWS = Primitive("mean_rows", _mean_rows, Locality.REDUCE, Reproducibility.R1, _mean_scratch)
# The old grid, the new one, `bicubic`, `bilinear` or `nearest`, and whether to smooth what shrinks: rows
# (h*w, d), each a point of a grid, to the rows of another grid over the same area.
RESIZE_GRID = Primitive("resize_grid", _resize_grid, Locality.WHOLE, Reproducibility.R1, _grid_scratch)
# The number of terms of the Neumann series, or 0 to solve: skew Q to the rotation (I + Q)(I - Q)^-1.
CAYLEY = Primitive("cayley", _rotation, Locality.WHOLE, Reproducibility.R1, _matrices_scratch)

MATRIX_PRIMITIVES: dict[str, Primitive] = {
    p.name: p
    for p in (
        MATMUL,
        ROW_NORM,
        GATHER_COLUMNS,
        RESHAPE,
        PERMUTE,
        SKEW,
        MEAN_ROWS,
        RESIZE_GRID,
        CAYLEY,
    )
}
