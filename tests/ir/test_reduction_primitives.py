from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mergec.ir.dtype import DType
from mergec.ir.primitive import ROW_BLOCK
from mergec.ir.reduction_primitives import COLUMN_PRODUCTS, ROW_PRODUCTS
from mergec.ir.tensor_type import TensorType

if TYPE_CHECKING:
    from mergec.ir.primitive import Primitive


@pytest.mark.parametrize("primitive", [ROW_PRODUCTS, COLUMN_PRODUCTS])
def test_a_block_of_rows_is_no_larger_than_the_tensor(primitive: Primitive) -> None:
    few, block, many = (
        primitive.scratch((TensorType((rows, 1 << 20), DType.F32, 1.0),) * 2, (2,))
        for rows in (2, ROW_BLOCK, 4 * ROW_BLOCK)
    )
    assert few < block / 4
    assert many < 1.001 * block


def test_one_column_has_one_result() -> None:
    long = TensorType((1 << 24,), DType.F32, 1.0)
    assert COLUMN_PRODUCTS.scratch((long, long), (2,)) < 1 << 20
    assert ROW_PRODUCTS.scratch((long, long), (2,)) > 1 << 24
