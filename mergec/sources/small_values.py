"""The values of tensors so small that compiling may read them."""

from __future__ import annotations

import struct
from contextlib import closing
from typing import TYPE_CHECKING

from mergec.ir.dtype import DType
from mergec.sources.byte_source import open_bytes

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mergec.ir.strided_view import StridedView
    from mergec.sources.checkpoint import WeightFile

LARGEST = 4096  # elements
_FORMATS = {
    DType.F16: "e",
    DType.F32: "f",
    DType.F64: "d",
    DType.BOOL: "B",
    DType.U8: "B",
    DType.I8: "b",
    DType.I16: "h",
    DType.U16: "H",
    DType.I32: "i",
    DType.U32: "I",
    DType.I64: "q",
    DType.U64: "Q",
}


def small_values(files: Mapping[int, WeightFile]) -> Callable[[StridedView], list[float]]:
    """A reader of small tensors of these files, whose views name a file by its number.

    Its caller gets a MergecError where the file cannot be read, and a ValueError for a tensor that is
    not contiguous, has more than 4,096 elements, or a dtype that is no number.
    """

    def read(view: StridedView) -> list[float]:
        if not view.is_contiguous or view.elements > LARGEST:
            raise ValueError("not a small tensor")
        buffer = bytearray(view.nbytes)
        with closing(open_bytes(files[view.file])) as source:
            source.read_at(view.offset, memoryview(buffer))
        return _decoded(bytes(buffer), view.dtype)

    return read


def _decoded(data: bytes, dtype: DType) -> list[float]:
    if dtype is DType.BF16:  # the upper half of a float32
        data = b"".join(b"\0\0" + data[at : at + 2] for at in range(0, len(data), 2))
        dtype = DType.F32
    if dtype not in _FORMATS:
        raise ValueError(f"{dtype} is no number")
    count = len(data) // dtype.itemsize
    return [float(value) for value in struct.unpack(f"<{count}{_FORMATS[dtype]}", data)]
