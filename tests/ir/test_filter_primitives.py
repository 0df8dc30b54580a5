from __future__ import annotations

import pytest

from mergec.ir.dtype import DType
from mergec.ir.filter_primitives import (
    FILTER_PRIMITIVES,
    GAUSSIAN_FILTER,
    HIGH_FREQUENCIES,
    IN_ORDER_OF,
    MEDIAN_FILTER,
    cut,
)
from mergec.ir.primitive import Locality, Primitive, TypeMismatch
from mergec.ir.tensor_type import TensorType

FILTERS = (MEDIAN_FILTER, GAUSSIAN_FILTER, HIGH_FREQUENCIES)
ORDERS = tuple(p for p in FILTER_PRIMITIVES.values() if p not in FILTERS)


def value(*shape: int, dtype: DType = DType.F32, degree: float | None = 1.0) -> TensorType:
    return TensorType(shape, dtype, degree)


@pytest.mark.parametrize("primitive", FILTER_PRIMITIVES.values(), ids=FILTER_PRIMITIVES)
def test_all_need_whole_tensors_and_say_what_they_take(primitive: Primitive) -> None:
    assert primitive.locality is Locality.WHOLE
    assert primitive.scratch((value(1000, 1000),) * 2, ()) > 0


@pytest.mark.parametrize("primitive", FILTERS, ids=lambda p: p.name)
def test_filters_compute_on_floats(primitive: Primitive) -> None:
    found = primitive.infer((value(4, 3, dtype=DType.BF16, degree=0.0),), (0.0, 1.0))
    assert found == value(4, 3, degree=0.0)
    with pytest.raises(TypeMismatch, match="dtype"):
        primitive.infer((value(4, 3, dtype=DType.I32),), (0.0, 1.0))


def test_smooth_weights_are_weights_but_what_changes_quickly_in_them_is_not() -> None:
    assert MEDIAN_FILTER.infer((value(4),), ()).degree == GAUSSIAN_FILTER.infer((value(4),), ()).degree == 1.0
    assert HIGH_FREQUENCIES.infer((value(4),), (0.0, 1.0)).degree is None


@pytest.mark.parametrize("primitive", ORDERS, ids=lambda p: p.name)
def test_orders_keep_what_they_move_and_need_floats_to_order_by(primitive: Primitive) -> None:
    moved = value(4, 3, dtype=DType.BF16)
    assert primitive.infer((moved, value(4, 3, degree=None)), ()) == moved
    with pytest.raises(TypeMismatch, match="dtype"):
        primitive.infer((moved, value(4, 3, dtype=DType.I32)), ())
    with pytest.raises(TypeMismatch, match="shape"):
        primitive.infer((moved, value(3, 4)), ())


@pytest.mark.parametrize(
    ("shape", "axis"), [((10**6,), 0), ((4096, 1280), 0), ((2, 10**7), 1), ((64, 4096, 4096), 1), ((0, 5), 0)]
)
def test_filters_cut_the_first_axis_unless_its_indices_are_too_large(
    shape: tuple[int, ...], axis: int
) -> None:
    found, size = cut(shape)
    assert found == axis
    assert size >= 1


def test_a_median_of_a_large_tensor_takes_little_beside_it() -> None:
    for shape in ((1 << 14, 1 << 14), (1 << 28,), (2, 1 << 27), (2048, 2048, 8, 8)):
        assert MEDIAN_FILTER.scratch((value(*shape),), ()) < 200 << 20


def test_putting_in_order_is_listed() -> None:
    assert FILTER_PRIMITIVES["in_order_of"] is IN_ORDER_OF
