"""Bytes of tensors as float64 values, without torch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mergec.ir.dtype import DType

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Buffer = memoryview | bytes | bytearray

_NUMPY: dict[DType, np.dtype[Any]] = {
    DType.BOOL: np.dtype("u1"),
    DType.U8: np.dtype("u1"),
    DType.I8: np.dtype("i1"),
    DType.I16: np.dtype("<i2"),
    DType.U16: np.dtype("<u2"),
    DType.F16: np.dtype("<f2"),
    DType.I32: np.dtype("<i4"),
    DType.U32: np.dtype("<u4"),
    DType.F32: np.dtype("<f4"),
    DType.F64: np.dtype("<f8"),
    DType.I64: np.dtype("<i8"),
    DType.U64: np.dtype("<u8"),
}


def has_values(dtype: DType) -> bool:
    """Whether elements are numbers that float64 holds, exactly or (64-bit integers) to 53 bits."""
    return dtype is DType.BF16 or dtype in _NUMPY


def float_values(dtype: DType, data: Buffer) -> NDArray[np.float64]:
    """The elements in a buffer, for a dtype that has values."""
    if dtype is DType.BF16:
        bits = np.frombuffer(data, "<u2").astype(np.uint32) << np.uint32(16)
        return bits.view(np.float32).astype(np.float64)
    found: NDArray[Any] = np.frombuffer(data, _NUMPY[dtype])
    return found.astype(np.float64)
