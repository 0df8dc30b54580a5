"""Tensors put one above the other that need not have one dtype."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mergec.ir.dtype import DType
from mergec.ir.expression import concatenated

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mergec.ir.expression import Tensor


def joined(tensors: Sequence[Tensor]) -> Tensor:
    """The rows of all tensors, in the dtype that they share or else in the one of arithmetic on them."""
    dtypes = {tensor.dtype for tensor in tensors}
    if len(dtypes) > 1 and all(dtype.is_float for dtype in dtypes):
        wide = DType.F64 if DType.F64 in dtypes else DType.F32
        tensors = [tensor if tensor.dtype is wide else tensor.cast(wide) for tensor in tensors]
    return concatenated(tensors, 0)
