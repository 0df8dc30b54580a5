"""The primitives that work on single elements. Those on rows and matrices are in `matrix_primitives`.

Each has its type rule, locality and reproducibility class here and its torch code, under the same
name, in `mergec.kernels`. Arithmetic widens 16-bit operands to float32, computes there (in float64
where an operand is float64) and never rounds in between; only `cast` rounds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mergec.ir.dtype import DType
from mergec.ir.primitive import Attributes, Locality, Primitive, TypeMismatch, Types
from mergec.ir.strided_view import StridedView
from mergec.ir.tensor_type import TensorType

if TYPE_CHECKING:
    from collections.abc import Callable


def same_shape(types: Types) -> None:
    """Raise TypeMismatch where shapes differ."""
    if any(t.shape != types[0].shape for t in types):
        raise TypeMismatch("shape")


def arithmetic_dtype(types: Types) -> DType:
    """The dtype that floats are computed in: float64 where one of them is, else float32.

    Raises:
        TypeMismatch: one is no float.
    """
    if any(not t.dtype.is_float for t in types):
        raise TypeMismatch("dtype", DType.F32)
    return DType.F64 if any(t.dtype is DType.F64 for t in types) else DType.F32


def leaf(_: Types, attributes: Attributes) -> TensorType:
    """Of elements that a view finds, and of a degree that is given."""
    view, degree = attributes[0], attributes[1]
    assert isinstance(view, StridedView)
    return TensorType(view.shape, view.dtype, degree)


def _fill(_: Types, attributes: Attributes) -> TensorType:
    shape, dtype, _value, degree = attributes
    return TensorType(shape, dtype, degree)


def _cast(types: Types, attributes: Attributes) -> TensorType:
    dtype: DType = attributes[0]
    if dtype is not types[0].dtype and not (dtype.is_float and types[0].dtype.is_float):
        raise TypeMismatch("dtype")
    return types[0]._replace(dtype=dtype)


def _scale(types: Types, attributes: Attributes) -> TensorType:
    dtype = arithmetic_dtype(types)
    degree = types[0].degree
    return TensorType(types[0].shape, dtype, None if degree is None else degree * attributes[0])


def _added(sign: float) -> Callable[[Types, Attributes], TensorType]:
    def infer(types: Types, _: Attributes) -> TensorType:
        same_shape(types)
        left, right = types
        degree = None
        if left.degree is not None and right.degree is not None:
            degree = left.degree + sign * right.degree
        return TensorType(left.shape, arithmetic_dtype(types), degree)

    return infer


def _factored(types: Types, _: Attributes) -> TensorType:
    """Of the left operand's degree: the right one is a factor. Axes of size 1 go with any size."""
    left, right = types
    if len(left.shape) != len(right.shape):
        raise TypeMismatch("shape")
    sizes = list(zip(left.shape, right.shape, strict=True))
    if any(a != b and 1 not in {a, b} for a, b in sizes):
        raise TypeMismatch("shape")
    shape = tuple(b if a == 1 else a for a, b in sizes)
    return TensorType(shape, arithmetic_dtype(types), left.degree)


def _identical(types: Types, _: Attributes) -> TensorType:
    same_shape(types)
    if any(t.dtype is not types[0].dtype for t in types):
        raise TypeMismatch("dtype")
    return types[0]


def _unchanged(types: Types, _: Attributes) -> TensorType:
    return types[0]


def _with_degree(types: Types, attributes: Attributes) -> TensorType:
    return types[0]._replace(degree=attributes[0])


def _slice(types: Types, attributes: Attributes) -> TensorType:
    axis, start, stop = attributes
    shape = types[0].shape
    if not 0 <= start <= stop <= shape[axis]:
        raise TypeMismatch("shape")
    return types[0]._replace(shape=(*shape[:axis], stop - start, *shape[axis + 1 :]))


def _concat(types: Types, attributes: Attributes) -> TensorType:
    axis: int = attributes[0]
    first = types[0]
    rest = [(*t.shape[:axis], *t.shape[axis + 1 :]) for t in types]
    if any(len(t.shape) <= axis for t in types) or any(r != rest[0] for r in rest):
        raise TypeMismatch("shape")
    if any(t.dtype is not first.dtype for t in types):
        raise TypeMismatch("dtype")
    total = sum(t.shape[axis] for t in types)
    return first._replace(shape=(*first.shape[:axis], total, *first.shape[axis + 1 :]))


# Each comment lists the attributes of a node.
# A view and a degree.
READ = Primitive("read", leaf, Locality.LEAF)
# A view into the tensor's own index space, a degree, a seed, a name and a standard deviation.
NORMAL = Primitive("normal", leaf, Locality.LEAF)
# A shape, a dtype, a value and a degree.
FILL = Primitive("fill", _fill, Locality.LEAF)
# A dtype. Rounds to nearest, ties to even.
CAST = Primitive("cast", _cast, Locality.ELEMENTWISE)
# A factor, which is rounded to the dtype computed in.
SCALE = Primitive("scale", _scale, Locality.ELEMENTWISE)
ADD = Primitive("add", _added(1.0), Locality.ELEMENTWISE)
SUBTRACT = Primitive("subtract", _added(-1.0), Locality.ELEMENTWISE)
# Left by right, where axes of size 1 are repeated.
MULTIPLY = Primitive("multiply", _factored, Locality.ELEMENTWISE)
DIVIDE = Primitive("divide", _factored, Locality.ELEMENTWISE)
# The operand; the build stops where it holds a NaN or an infinity. None.
FINITE = Primitive("finite", _unchanged, Locality.ELEMENTWISE)
# The value that all operands share; the build stops where they differ. None.
IDENTICAL = Primitive("identical", _identical, Locality.ELEMENTWISE)
# A degree. States what the arithmetic cannot show; no effect on values.
WITH_DEGREE = Primitive("with_degree", _with_degree, Locality.ELEMENTWISE)
# An axis, a start and a stop.
SLICE = Primitive("slice", _slice, Locality.LAYOUT)
# An axis.
CONCAT = Primitive("concat", _concat, Locality.LAYOUT)

PRIMITIVES: dict[str, Primitive] = {
    p.name: p
    for p in (
        READ,
        NORMAL,
        FILL,
        CAST,
        SCALE,
        ADD,
        SUBTRACT,
        MULTIPLY,
        DIVIDE,
        FINITE,
        IDENTICAL,
        WITH_DEGREE,
        SLICE,
        CONCAT,
    )
}
