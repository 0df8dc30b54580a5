"""Which torch dtype a register has."""

from __future__ import annotations

import torch

from mergec.ir.dtype import DType

_BY_WIDTH = {1: torch.uint8, 2: torch.int16, 4: torch.int32, 8: torch.int64}
_FLOATS = {
    DType.F16: torch.float16,
    DType.BF16: torch.bfloat16,
    DType.F32: torch.float32,
    DType.F64: torch.float64,
}


def register_dtype(dtype: DType) -> torch.dtype:
    """The dtype that a tile is computed in; what is only moved or compared is integers of its width."""
    return _FLOATS[dtype] if dtype in _FLOATS else _BY_WIDTH[dtype.itemsize]
