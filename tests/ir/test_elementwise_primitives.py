from __future__ import annotations

import pytest

from mergec.ir.dtype import DType
from mergec.ir.elementwise_primitives import ELEMENTWISE_PRIMITIVES, MINIMUM, POWER, WHERE
from mergec.ir.primitive import Locality, Primitive, Reproducibility, TypeMismatch
from mergec.ir.tensor_type import TensorType

UNARY = {"abs", "sign", "sqrt", "exp", "log", "cos"}
KEEP_A_DEGREE = {"minimum", "maximum", "where"}
LIBRARY = {"exp", "log", "cos", "power"}


def inferred(primitive: Primitive, *types: TensorType) -> TensorType:
    return primitive.infer(types, ())


def value(*shape: int, dtype: DType = DType.F32, degree: float | None = 1.0) -> TensorType:
    return TensorType(shape, dtype, degree)


def operands(name: str, *last: TensorType) -> tuple[TensorType, ...]:
    """As many as the primitive has, the last ones given."""
    count = 1 if name in UNARY else 3 if name == "where" else 2
    return (*[value(2, 3, dtype=DType.BF16)] * (count - len(last)), *last)


@pytest.mark.parametrize(("name", "primitive"), ELEMENTWISE_PRIMITIVES.items())
class TestAll:
    def test_work_on_elements_and_compute_in_float32(self, name: str, primitive: Primitive) -> None:
        assert primitive.locality is Locality.ELEMENTWISE
        degree = 1.0 if name in KEEP_A_DEGREE else None
        assert inferred(primitive, *operands(name)) == value(2, 3, degree=degree)

    def test_compute_in_float64_where_an_operand_is(self, name: str, primitive: Primitive) -> None:
        found = inferred(primitive, *operands(name, value(2, 3, dtype=DType.F64)))
        assert found.dtype is DType.F64

    def test_take_floats_only(self, name: str, primitive: Primitive) -> None:
        with pytest.raises(TypeMismatch, match="dtype"):
            inferred(primitive, *operands(name, value(2, 3, dtype=DType.I64)))

    def test_only_what_the_library_rounds_is_bound_to_its_build(
        self, name: str, primitive: Primitive
    ) -> None:
        expected = Reproducibility.R1 if name in LIBRARY else Reproducibility.R0
        assert primitive.reproducibility is expected


@pytest.mark.parametrize("name", sorted(set(ELEMENTWISE_PRIMITIVES) - UNARY))
@pytest.mark.parametrize("other", [(3,), (2, 2), (2, 3, 1), (), (1, 3), (2, 1)])
def test_shapes_that_differ_are_found(name: str, other: tuple[int, ...]) -> None:
    with pytest.raises(TypeMismatch, match="shape"):
        inferred(ELEMENTWISE_PRIMITIVES[name], *operands(name, value(*other)))


@pytest.mark.parametrize(("left", "right"), [(1.0, 0.0), (1.0, None)])
def test_values_of_two_degrees_have_none_together(left: float, right: float | None) -> None:
    types = value(2, 3, degree=left), value(2, 3, degree=right)
    assert inferred(MINIMUM, *types).degree is None
    assert inferred(WHERE, value(2, 3), *types).degree is None


def test_one_exponent_is_an_attribute() -> None:
    assert POWER.infer((value(2, 3),), (0.5,)).shape == (2, 3)
