"""The primitives that decide on permutations and apply them. Values are moved, never computed with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mergec.ir.axis_index import axis_length
from mergec.ir.dtype import DType
from mergec.ir.primitive import (
    Attributes,
    Locality,
    Primitive,
    Reproducibility,
    TypeMismatch,
    Types,
)
from mergec.ir.tensor_type import TensorType

if TYPE_CHECKING:
    from mergec.ir.matching import Matching


def _given(_: Types, attributes: Attributes) -> TensorType:
    vector: bytes = attributes[0]
    return TensorType((1, len(vector) // DType.I32.itemsize), DType.I32, None)


def _match(_: Types, attributes: Attributes) -> TensorType:
    matching: Matching = attributes[0]
    return TensorType((matching.models, matching.symmetry.length), DType.I32, None)


def _axis_index(types: Types, attributes: Attributes) -> TensorType:
    model, index = attributes
    if len(types[0].shape) != 2 or not 0 <= model < types[0].shape[0]:
        raise TypeMismatch("shape")
    return TensorType((axis_length(index),), DType.I32, None)


def _gather(types: Types, attributes: Attributes) -> TensorType:
    axis: int = attributes[0]
    value, index = types
    if not 0 < axis < len(value.shape) or len(index.shape) != 1:
        raise TypeMismatch("shape")
    return value._replace(shape=(*value.shape[:axis], index.shape[0], *value.shape[axis + 1 :]))


def _gather_rows(types: Types, _: Attributes) -> TensorType:
    value, index = types
    if not value.shape or len(index.shape) != 1:
        raise TypeMismatch("shape")
    return value._replace(shape=(index.shape[0], *value.shape[1:]))


def _index_scratch(types: Types, attributes: Attributes) -> int:
    """A few arrays of 64-bit numbers of the axis' length, and the vector once more."""
    _model, index = attributes
    return 8 * DType.I64.itemsize * axis_length(index) + types[0].dtype.nbytes(types[0].shape[1])


# Each comment lists the attributes of a node.
# The vector of a symmetry's element, as little-endian int32: (1, length).
GIVEN = Primitive("given", _given, Locality.DECISION)
# A Matching. Its inputs are the tensors that it compares: those of the anchor, then those of each model,
# each in the order of the symmetry. One vector for each model: (models, length).
MATCH = Primitive("match", _match, Locality.DECISION, Reproducibility.R2)
# The number of a model and an AxisIndex: vectors (models, length) to the indices of an axis.
AXIS_INDEX = Primitive("axis_index", _axis_index, Locality.WHOLE, scratch=_index_scratch)
# An axis other than 0: a value and an index (n,) to the values at those indices of the axis.
GATHER = Primitive("gather", _gather, Locality.ROWWISE)
# A value and an index (n,) to the rows of those numbers. None.
GATHER_ROWS = Primitive("gather_rows", _gather_rows, Locality.PICKED)

PERMUTATION_PRIMITIVES: dict[str, Primitive] = {
    p.name: p for p in (GIVEN, MATCH, AXIS_INDEX, GATHER, GATHER_ROWS)
}
