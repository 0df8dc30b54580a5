"""The primitives that work on the singular values and vectors of a matrix.

A matrix X (m, n) with m >= n enters by its Gram matrix G = X^T X (n, n), which is gathered while the rows of
X stream by: of X = U S V^T, the eigenvectors of G are V and the roots of its eigenvalues S, and U is X V / S.
So a decomposition takes memory for a few matrices of the shorter side, however long the other is, and a
quarter of the time that one of X would take. In float64 it tells singular values apart down to about a
millionth of the largest, as a decomposition of X in float32 does; smaller ones count as zero.

Signs are fixed: the entry of largest magnitude of each column of V is positive, the first of several.
"""

from __future__ import annotations

from typing import NamedTuple

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

_F64_BYTES = 8
# Measured (tests/end_to_end/test_spectral_memory.py): what the library takes beside its matrices. It reads
# more of its own code than other kernels do, and leaves holes in the heap.
_LIBRARY = 20 << 20


class Kept(NamedTuple):
    """Which singular values are kept: the largest `rank`, or fewer.

    As many as hold the share `energy` of the sum of all squares, and only those that are above `epsilon`.
    """

    rank: int
    energy: float = 1.0
    epsilon: float = 0.0


def _column_gram(types: Types, attributes: Attributes) -> TensorType:
    if any(len(one.shape) != 2 or one.shape[0] != types[0].shape[0] for one in types):
        raise TypeMismatch("shape")
    arithmetic_dtype(types)
    return TensorType((attributes[1], attributes[1]), DType.F64, None)


def _side(types: Types) -> int:
    """The length of a Gram matrix."""
    (gram,) = types
    if len(gram.shape) != 2 or gram.shape[0] != gram.shape[1]:
        raise TypeMismatch("shape")
    if gram.dtype is not DType.F64:
        raise TypeMismatch("dtype")
    return gram.shape[0]


def _spectrum(types: Types, attributes: Attributes) -> TensorType:
    kept: Kept = attributes[0]
    side = _side(types)
    return TensorType((side + 2, min(kept.rank, side)), DType.F64, None)


def _principal(types: Types, attributes: Attributes) -> TensorType:
    kept: Kept = attributes[0]
    side = _side(types)
    return TensorType((side, min(kept.rank, side)), DType.F64, None)


def _symmetric(types: Types, _: Attributes) -> TensorType:
    side = _side(types)
    return TensorType((side, side), DType.F64, None)


def _orthogonalised(types: Types, _: Attributes) -> TensorType:
    (value,) = types
    if len(value.shape) != 2 or value.dtype is not DType.F64:
        raise TypeMismatch("shape" if len(value.shape) != 2 else "dtype")
    return TensorType(value.shape, DType.F64, None)


def _unchanged(types: Types, _: Attributes) -> TensorType:
    return types[0]


def _gram_scratch(_: Types, attributes: Attributes) -> int:
    """The sum as it grows, and a block of rows of each operand and of all of them."""
    columns: int = attributes[1]
    return (columns + 2 * ROW_BLOCK) * columns * _F64_BYTES + _LIBRARY


def _eigen_scratch(types: Types, _: Attributes) -> int:
    """The eigenvectors, and twice as much while they are looked for."""
    return _eigen_bytes(types[0].shape[0])


def _eigen_bytes(side: int) -> int:
    return (3 * side + 64) * side * _F64_BYTES + _LIBRARY


def _orthogonalised_scratch(types: Types, _: Attributes) -> int:
    """The Gram matrix of the columns, its root, and what finding its eigenvectors takes."""
    side = types[0].shape[1]
    return 2 * side * side * _F64_BYTES + _eigen_bytes(side)


def _held_scratch(_types: Types, _attributes: Attributes) -> int:
    return 64  # nothing to speak of; 0 would stand for what is not known


# Each comment lists the attributes of a node.
# The number of operands, all of as many rows, and of their columns: [X | Y | ...]^T [X | Y | ...] of the
# operands put side by side.
COLUMN_GRAM = Primitive("column_gram", _column_gram, Locality.REDUCE, Reproducibility.R1, _gram_scratch)
# Kept. Of a Gram matrix (n, n): the rows of V, below them the singular values and below these their
# inverses: (n + 2, rank). Columns of what is not kept are zero.
SPECTRUM = Primitive("spectrum", _spectrum, Locality.WHOLE, Reproducibility.R1, _eigen_scratch)
# Kept. Of a Gram matrix (n, n): V alone, (n, rank).
PRINCIPAL = Primitive("principal", _principal, Locality.WHOLE, Reproducibility.R1, _eigen_scratch)
# Kept and a function. Of a Gram matrix (n, n): V f(S) V^T over what is kept, for one of three functions:
# `projection` f = 1, `whitening` f = 1 / s, `isotropic` f = (the mean of all n singular values) / s.
SPECTRAL_MATRIX = Primitive("spectral_matrix", _symmetric, Locality.WHOLE, Reproducibility.R1, _eigen_scratch)
# The orthonormal columns closest to those of a matrix (m, n): U V^T, without what its rank lacks. None.
ORTHOGONALISED = Primitive(
    "orthogonalised", _orthogonalised, Locality.WHOLE, Reproducibility.R1, _orthogonalised_scratch
)
# The operand, and all that it is made of, computed whole and once. None.
HELD = Primitive("held", _unchanged, Locality.WHOLE, scratch=_held_scratch)

SPECTRAL_PRIMITIVES: dict[str, Primitive] = {
    p.name: p for p in (COLUMN_GRAM, SPECTRUM, PRINCIPAL, SPECTRAL_MATRIX, ORTHOGONALISED, HELD)
}
