"""Quantised weights made dense, by the library that belongs to each kind of them.

The libraries are optional: each is imported by what needs it, and has been found to be there when the source
was opened. Where the rows of a weight do not depend on each other they are done some at a time, so that what
the arithmetic takes in between stays small beside the result.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from mergec.ir.dtype import DType
from mergec.ir.quantised_primitives import STEP

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from mergec.ir.packed import Scheme

_TORCH = {
    DType.BOOL: torch.bool,
    DType.U8: torch.uint8,
    DType.I8: torch.int8,
    DType.F8_E4M3: torch.float8_e4m3fn,
    DType.F8_E5M2: torch.float8_e5m2,
    DType.F8_E4M3FNUZ: torch.float8_e4m3fnuz,
    DType.F8_E5M2FNUZ: torch.float8_e5m2fnuz,
    DType.F8_E8M0: torch.float8_e8m0fnu,
    DType.I16: torch.int16,
    DType.I32: torch.int32,
    DType.I64: torch.int64,
    DType.F16: torch.float16,
    DType.BF16: torch.bfloat16,
    DType.F32: torch.float32,
    DType.F64: torch.float64,
}
_MANTISSA_BITS = 23
_LEAST_POWER = 1 << 22  # the bits of 2^-127, which is too small for an exponent of its own
_NOT_A_NUMBER = 255

Tensors = dict[str, torch.Tensor]


def dequantise(out: torch.Tensor, sources: Sequence[torch.Tensor], scheme: Scheme, *_: object) -> None:
    """The dense values. `sources` bear the bits of the scheme's dtypes, `out` has the dense shape."""
    parts = {
        role: source.view(_TORCH[dtype])
        for role, dtype, source in zip(scheme.roles, scheme.dtypes, sources, strict=True)
    }
    if out.numel():
        _KINDS[scheme.kind](out, parts, dict(scheme.parameters))


def _steps(rows: int, row_elements: int, unit: int = 1) -> Iterator[slice]:
    """Ranges of rows of about STEP elements each, which begin at multiples of `unit`."""
    size = max(STEP // max(row_elements * unit, 1), 1) * unit
    return (slice(start, min(start + size, rows)) for start in range(0, rows, size))


def _scaled(out: torch.Tensor, parts: Tensors, parameters: Mapping[str, Any]) -> None:
    """Each block of a matrix times its scale, in float32. A scale of 8 bits is an exponent of 2."""
    if "scale" not in parts:
        out.copy_(parts["weight"])
        return
    rows, columns = out.shape[-2:] if out.dim() > 1 else (1, out.numel())
    height, width = int(parameters["block_rows"]), int(parameters["block_columns"])
    dense = out.view(-1, rows, columns)
    weight = parts["weight"].reshape(dense.shape)
    scale = _factors(parts["scale"]).reshape(len(dense), -(-rows // height), -(-columns // width))
    for matrix, codes, factors in zip(dense, weight, scale, strict=True):
        for part in _steps(rows, columns, height if height < rows else 1):
            some = factors[part.start // height : -(-part.stop // height)]
            if height < rows:
                some = some.repeat_interleave(height, 0)[: part.stop - part.start]
            if width < columns:
                some = some.repeat_interleave(width, 1)[:, :columns]
            torch.mul(codes[part].float(), some, out=matrix[part])


def _factors(scale: torch.Tensor) -> torch.Tensor:
    """Scales as float32. One byte is the exponent of a float32, and 255 stands for no number."""
    if scale.dtype not in {torch.uint8, torch.float8_e8m0fnu}:
        return scale.float()
    exponents = scale.view(torch.uint8).int()
    bits = (exponents << _MANTISSA_BITS).masked_fill_(exponents == 0, _LEAST_POWER)
    return bits.view(torch.float32).masked_fill_(exponents == _NOT_A_NUMBER, torch.nan)


def _bitsandbytes() -> Any:  # noqa: ANN401  # a module of a library that may not be there
    from bitsandbytes import functional

    return functional


def _bitsandbytes_4bit(out: torch.Tensor, parts: Tensors, parameters: Mapping[str, Any]) -> None:
    functional = _bitsandbytes()
    weight = parts.pop("weight").view(torch.uint8).flatten()
    facts: dict[str, Any] = {**json.loads(str(parameters["state"])), **parts}
    state = functional.QuantState.from_dict(facts, device=torch.device("cpu"))
    scales = state.absmax
    if state.nested:
        scales = functional.dequantize_blockwise(scales, state.state2) + state.offset
    block, dense = int(state.blocksize), out.view(-1)
    whole = dense.numel() // block * block
    # Blocks as rows, as they count along the whole weight: for rows that are no whole number of blocks
    # the library's code for processors (0.50) takes the scales of other blocks.
    parts_of = [(part.start * block, part.stop * block, block) for part in _steps(whole // block, block)]
    if whole < dense.numel():
        parts_of.append((whole, dense.numel(), dense.numel() - whole))
    for start, stop, width in parts_of:
        some = functional.QuantState(
            absmax=scales[start // block : -(-stop // block)],
            shape=torch.Size(((stop - start) // width, width)),
            code=state.code,
            blocksize=block,
            quant_type=state.quant_type,
            dtype=state.dtype,
        )
        codes = weight[start // 2 : -(-stop // 2)].unsqueeze(1)
        dense[start:stop].copy_(functional.dequantize_4bit(codes, some).flatten())


def _bitsandbytes_int8(out: torch.Tensor, parts: Tensors, _: Mapping[str, Any]) -> None:
    functional = _bitsandbytes()
    scales = parts["scales"].flatten()
    for part in _steps(*out.shape):
        out[part] = functional.int8_vectorwise_dequant(parts["weight"][part], scales[part])


def _compressed_tensors(out: torch.Tensor, parts: Tensors, parameters: Mapping[str, Any]) -> None:
    from compressed_tensors.compressors import BaseCompressor
    from compressed_tensors.quantization import QuantizationArgs, QuantizationScheme

    weights = QuantizationArgs(**json.loads(str(parameters["weights"])))
    scheme = QuantizationScheme(targets=[], weights=weights)
    parts["weight_shape"] = torch.tensor(out.shape)
    compressor = BaseCompressor.get_value_from_registry(parameters["format"])
    out.copy_(compressor.decompress(parts, scheme)["weight"])


def _gguf(out: torch.Tensor, parts: Tensors, parameters: Mapping[str, Any]) -> None:
    import gguf

    kind = gguf.GGMLQuantizationType(int(parameters["type"]))
    columns = out.shape[-1]
    dense = out.view(-1, columns)
    rows = parts["blocks"].reshape(len(dense), -1).numpy()
    for part in _steps(len(dense), columns):
        with np.errstate(all="ignore"):  # blocks may well hold NaNs and infinities: they come out as such
            dense[part] = torch.from_numpy(gguf.dequantize(rows[part], kind))


_KINDS: dict[str, Callable[[torch.Tensor, Tensors, Mapping[str, Any]], None]] = {
    "scaled": _scaled,
    "bitsandbytes_4bit": _bitsandbytes_4bit,
    "bitsandbytes_int8": _bitsandbytes_int8,
    "compressed_tensors": _compressed_tensors,
    "gguf": _gguf,
}

KERNELS: dict[str, Callable[..., Any]] = {"dequantise": dequantise}
