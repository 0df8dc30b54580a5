"""`arithmetic:` of methods that can compute as older scripts did."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from mergec.ir.dtype import BY_RECIPE_NAME, DType

if TYPE_CHECKING:
    from mergec.ir.expression import Tensor

Arithmetic = Literal["float32", "float64", "float16", "bfloat16"]


def rounding_dtype(arithmetic: Arithmetic) -> DType | None:
    """The dtype that operands and results are rounded to; None where only the output is rounded."""
    return None if arithmetic in {"float32", "float64"} else BY_RECIPE_NAME[arithmetic]


def rounded(tensor: Tensor, arithmetic: Arithmetic) -> Tensor:
    """The tensor in the dtype of the arithmetic."""
    dtype = rounding_dtype(arithmetic)
    return tensor if dtype is None or not tensor.dtype.is_float else tensor.cast(dtype)
