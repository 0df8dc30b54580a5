from __future__ import annotations

import pytest

from mergec.ir.dtype import DType
from mergec.ir.primitive import ROW_BLOCK, Locality, Primitive, Reproducibility, TypeMismatch
from mergec.ir.row_primitives import ROW_PRIMITIVES, ROW_RANK, ROW_SUM
from mergec.ir.tensor_type import TensorType


def inferred(primitive: Primitive, dtype: DType, *shape: int) -> TensorType:
    return primitive.infer((TensorType(shape, dtype, 1.0),), ())


@pytest.mark.parametrize("primitive", ROW_PRIMITIVES.values(), ids=ROW_PRIMITIVES)
class TestAll:
    def test_stream_rows(self, primitive: Primitive) -> None:
        assert primitive.locality is Locality.ROWWISE

    @pytest.mark.parametrize("shape", [(), (5,)])
    def test_need_rows(self, primitive: Primitive, shape: tuple[int, ...]) -> None:
        with pytest.raises(TypeMismatch, match="shape"):
            inferred(primitive, DType.F32, *shape)

    def test_take_floats_only(self, primitive: Primitive) -> None:
        with pytest.raises(TypeMismatch, match="dtype"):
            inferred(primitive, DType.I8, 2, 3)

    @pytest.mark.parametrize(("dtype", "made"), [(DType.BF16, DType.F32), (DType.F64, DType.F64)])
    def test_compute_in_float32_or_float64(self, primitive: Primitive, dtype: DType, made: DType) -> None:
        assert inferred(primitive, dtype, 2, 3).dtype is made

    def test_only_sums_are_bound_to_a_build(self, primitive: Primitive) -> None:
        is_sum = primitive is ROW_SUM
        assert primitive.reproducibility is (Reproducibility.R1 if is_sum else Reproducibility.R0)


@pytest.mark.parametrize("name", ["row_sum", "row_max", "row_min"])
def test_one_number_per_row_of_the_degree_of_its_values(name: str) -> None:
    assert inferred(ROW_PRIMITIVES[name], DType.F16, 4, 3, 5) == TensorType((4, 1, 1), DType.F32, 1.0)


def test_ranks_are_numbers_of_no_degree() -> None:
    assert inferred(ROW_RANK, DType.F32, 4, 3, 5) == TensorType((4, 3, 5), DType.F32, None)


def test_ranks_beyond_what_float32_counts_are_float64() -> None:
    assert inferred(ROW_RANK, DType.F32, 2, 1 << 24).dtype is DType.F32
    assert inferred(ROW_RANK, DType.F32, 2, 1 << 12, (1 << 12) + 1).dtype is DType.F64


def test_scratch_grows_with_the_row_and_not_with_the_rows() -> None:
    for primitive in (ROW_SUM, ROW_RANK):
        few, many = (
            primitive.scratch((TensorType((n, 1 << 20), DType.F32, 1.0),), ()) for n in (ROW_BLOCK, 1 << 20)
        )
        assert few == many >= 8 << 20
