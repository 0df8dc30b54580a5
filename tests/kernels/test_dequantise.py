"""Quantised weights made dense, against the libraries' own answers for the whole weight, bit for bit."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch

from mergec.ir.dtype import DType
from mergec.ir.packed import Scheme
from mergec.kernels import dequantise as module
from mergec.kernels.dequantise import dequantise
from mergec.sources.gguf_types import BLOCKS, UNREADABLE

if TYPE_CHECKING:
    from collections.abc import Mapping

_DTYPES = {
    torch.uint8: DType.U8,
    torch.int8: DType.I8,
    torch.int32: DType.I32,
    torch.int64: DType.I64,
    torch.float16: DType.F16,
    torch.bfloat16: DType.BF16,
    torch.float32: DType.F32,
    torch.float8_e4m3fn: DType.F8_E4M3,
    torch.float8_e5m2: DType.F8_E5M2,
    torch.float8_e8m0fnu: DType.F8_E8M0,
}
_WORDS = {1: torch.uint8, 2: torch.int16, 4: torch.int32, 8: torch.int64}
_FLOATS = {torch.float16, torch.bfloat16, torch.float32}


@pytest.fixture(params=[1 << 18, 512], ids=["one-step", "many-steps"], autouse=True)
def _steps(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every weight in one piece, and in many: the steps must not show."""
    monkeypatch.setattr(module, "STEP", request.param)


def registers(tensor: torch.Tensor) -> torch.Tensor:
    """The tensor as a kernel gets it: what is no float to compute with, as integers of its width."""
    tensor = tensor.contiguous()
    return tensor if tensor.dtype in _FLOATS else tensor.view(_WORDS[tensor.itemsize])


def made_dense(
    kind: str,
    parts: Mapping[str, torch.Tensor],
    shape: tuple[int, ...],
    dtype: torch.dtype = torch.float32,
    **parameters: int | str,
) -> torch.Tensor:
    dtypes = tuple(_DTYPES[part.dtype] for part in parts.values())
    scheme = Scheme(kind, tuple(parts), dtypes, tuple(parameters.items()))
    out = torch.full(shape, 99, dtype=dtype)
    dequantise(out, [registers(part) for part in parts.values()], scheme, shape, DType.F32, 1.0)
    return out


def assert_same_bits(found: torch.Tensor, expected: torch.Tensor) -> None:
    assert found.dtype == expected.dtype
    assert found.shape == expected.shape
    assert torch.equal(found.view(_WORDS[found.itemsize]), expected.view(_WORDS[found.itemsize]))


class TestBitsandbytes:
    @pytest.fixture(autouse=True)
    def _library(self) -> None:
        pytest.importorskip("bitsandbytes")

    @pytest.mark.parametrize(
        "shape", [(96, 128), (33, 64), (80, 96), (3, 4304), (40, 200), (5, 7), (77,), (4, 6, 10), (1, 1)]
    )
    @pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float32])
    @pytest.mark.parametrize("nested", [False, True])
    @pytest.mark.parametrize("kind", ["nf4", "fp4"])
    def test_4_bits(self, shape: tuple[int, ...], dtype: torch.dtype, nested: bool, kind: str) -> None:  # noqa: FBT001
        functional: Any = pytest.importorskip("bitsandbytes.functional")
        weight = torch.randn(shape, generator=torch.Generator().manual_seed(1)).to(dtype)
        packed, state = functional.quantize_4bit(weight, compress_statistics=nested, quant_type=kind)
        scales = state.absmax
        if nested:
            scales = functional.dequantize_blockwise(scales, state.state2) + state.offset
        codes = torch.stack([packed.flatten() >> 4, packed.flatten() & 15], 1).flatten().long()
        values = state.code[codes] * scales.repeat_interleave(64)[: len(codes)]
        expected = values[: weight.numel()].to(dtype).view(shape)
        facts = state.as_dict(packed=False)
        tensors = {key: value for key, value in facts.items() if isinstance(value, torch.Tensor)}
        text = json.dumps({key: value for key, value in facts.items() if key not in tensors})
        parts = {"weight": packed, **tensors}
        assert_same_bits(made_dense("bitsandbytes_4bit", parts, shape, dtype, state=text), expected)
        if shape[-1] % 64 == 0:  # for others the library takes scales of other blocks on processors
            assert_same_bits(functional.dequantize_4bit(packed, state), expected)

    def test_codes_stored_as_bfloat16(self) -> None:
        functional: Any = pytest.importorskip("bitsandbytes.functional")
        weight = torch.randn((32, 64), generator=torch.Generator().manual_seed(2))
        packed, state = functional.quantize_4bit(weight, quant_type="nf4", quant_storage=torch.bfloat16)
        facts = state.as_dict(packed=False)
        tensors = {key: value for key, value in facts.items() if isinstance(value, torch.Tensor)}
        text = json.dumps({key: value for key, value in facts.items() if key not in tensors})
        found = made_dense("bitsandbytes_4bit", {"weight": packed, **tensors}, (32, 64), state=text)
        assert_same_bits(found, functional.dequantize_4bit(packed, state))

    def test_int8(self) -> None:
        functional: Any = pytest.importorskip("bitsandbytes.functional")
        weight = torch.randn((50, 70), generator=torch.Generator().manual_seed(3)).half()
        codes, scales, _ = functional.int8_vectorwise_quant(weight)
        found = made_dense("bitsandbytes_int8", {"weight": codes, "scales": scales}, (50, 70))
        assert_same_bits(found, functional.int8_vectorwise_dequant(codes, scales))


def arguments(kind: str, bits: int, strategy: str, **more: object) -> dict[str, object]:
    return {"type": kind, "num_bits": bits, "strategy": strategy, **more}


FORMATS = {
    "pack-4": ("pack-quantized", arguments("int", 4, "group", group_size=64)),
    "pack-4-asymmetric": ("pack-quantized", arguments("int", 4, "group", group_size=64, symmetric=False)),
    "pack-8-by-row": ("pack-quantized", arguments("int", 8, "channel")),
    "int": ("int-quantized", arguments("int", 8, "channel")),
    "int-asymmetric": ("int-quantized", arguments("int", 8, "channel", symmetric=False)),
    "naive": ("naive-quantized", arguments("int", 8, "tensor")),
    "float-by-row": ("float-quantized", arguments("float", 8, "channel")),
    "float": ("float-quantized", arguments("float", 8, "tensor")),
    "float-blocks": ("float-quantized", arguments("float", 8, "block", block_structure=[32, 64])),
    "mxfp4": ("mxfp4-pack-quantized", arguments("float", 4, "group", group_size=32)),
    "mxfp8": ("mxfp8-quantized", arguments("float", 8, "group", group_size=32, scale_dtype="torch.uint8")),
    "nvfp4": ("nvfp4-pack-quantized", arguments("float", 4, "tensor_group", group_size=16)),
}


@pytest.mark.parametrize("name", FORMATS)
def test_compressed_tensors(name: str) -> None:
    pytest.importorskip("compressed_tensors")
    from compressed_tensors.compressors import BaseCompressor
    from compressed_tensors.quantization import QuantizationArgs, QuantizationScheme

    from tests.sources.quantised.compress import compressed

    form, weights = FORMATS[name]
    weight = torch.randn((64, 256), generator=torch.Generator().manual_seed(4)).bfloat16()
    packed = compressed(weight, form, weights)
    scheme = QuantizationScheme(targets=[], weights=QuantizationArgs(**weights))
    expected = BaseCompressor.get_value_from_registry(form).decompress(dict(packed), scheme)["weight"]
    text = json.dumps(weights)
    packed.pop("weight_shape", None)
    found = made_dense("compressed_tensors", packed, (64, 256), expected.dtype, format=form, weights=text)
    assert_same_bits(found, expected)


class TestGguf:
    @pytest.mark.parametrize(
        "name", [block.name for block in BLOCKS.values() if block.name not in UNREADABLE]
    )
    def test_blocks(self, name: str) -> None:
        gguf: Any = pytest.importorskip("gguf")
        kind = gguf.GGMLQuantizationType[name]
        values, nbytes = gguf.GGML_QUANT_SIZES[kind]
        row = 512 // values * nbytes
        blocks = np.random.default_rng(5).integers(0, 256, (70, row), np.uint8)
        with np.errstate(all="ignore"):
            expected = torch.from_numpy(gguf.dequantize(blocks, kind))
        found = made_dense("gguf", {"blocks": torch.from_numpy(blocks)}, (70, 512), type=int(kind))
        assert_same_bits(found, expected)


def scaled_by_numpy(weight: torch.Tensor, scale: torch.Tensor, height: int, width: int) -> torch.Tensor:
    """Element by element: the scale of the block that it is in."""
    rows, columns = weight.shape[-2:]
    row = np.arange(rows)[:, None] // height
    column = np.arange(columns)[None, :] // width
    return weight.float() * scale.float()[..., row, column]


class TestScaledFloats:
    @pytest.mark.parametrize("dtype", [torch.float8_e4m3fn, torch.float8_e5m2])
    @pytest.mark.parametrize("scale_dtype", [torch.float32, torch.bfloat16])
    @pytest.mark.parametrize(
        ("shape", "blocks"),
        [
            ((256, 128), (128, 128)),
            ((130, 257), (128, 128)),  # the last blocks are partial
            ((7, 5), (128, 128)),
            ((3, 40, 24), (16, 16)),
            ((33, 20), (1, 20)),
            ((33, 20), (33, 20)),
            ((33, 20), (33, 1)),
        ],
    )
    def test_each_block_has_its_scale(
        self, shape: tuple[int, ...], blocks: tuple[int, int], dtype: torch.dtype, scale_dtype: torch.dtype
    ) -> None:
        generator = torch.Generator().manual_seed(6)
        weight = torch.randn(shape, generator=generator).to(dtype)
        grid = (*shape[:-2], -(-shape[-2] // blocks[0]), -(-shape[-1] // blocks[1]))
        scale = torch.rand(grid, generator=generator).to(scale_dtype)
        parts = {"weight": weight, "scale": scale}
        found = made_dense("scaled", parts, shape, block_rows=blocks[0], block_columns=blocks[1])
        assert_same_bits(found, scaled_by_numpy(weight, scale, *blocks))

    def test_it_is_what_transformers_makes_of_deepseek(self) -> None:
        from transformers.integrations.finegrained_fp8 import Fp8Dequantize

        generator = torch.Generator().manual_seed(7)
        weight = torch.randn((256, 384), generator=generator).to(torch.float8_e4m3fn)
        scale = torch.rand((2, 3), generator=generator)
        parts = {"weight": weight, "scale": scale}
        found = made_dense("scaled", parts, (256, 384), block_rows=128, block_columns=128)
        theirs: Any = Fp8Dequantize
        expected = theirs(None)._dequantize_one(weight, scale, torch.bfloat16)
        assert_same_bits(found.bfloat16(), expected)

    @pytest.mark.parametrize("dtype", [torch.uint8, torch.float8_e8m0fnu])
    def test_scales_of_8_bits_are_exponents(self, dtype: torch.dtype) -> None:
        weight = torch.ones((256, 1)).to(torch.float8_e4m3fn)
        scale = torch.arange(256, dtype=torch.uint8).view(256, 1).view(dtype)
        found = made_dense(
            "scaled", {"weight": weight, "scale": scale}, (256, 1), block_rows=1, block_columns=1
        )
        expected = np.exp2(np.arange(255) - 127.0)
        np.testing.assert_array_equal(found[:255, 0].numpy(), expected.astype(np.float32))
        assert torch.isnan(found[255, 0])

    def test_without_scales_they_are_what_they_say(self) -> None:
        codes = torch.arange(256, dtype=torch.uint8).view(torch.float8_e4m3fn)
        assert_same_bits(made_dense("scaled", {"weight": codes}, (256,)), codes.float())

    def test_a_vector_has_one_scale(self) -> None:
        weight = torch.tensor([1.0, -2.0, 4.0]).to(torch.float8_e4m3fn)
        parts = {"weight": weight, "scale": torch.tensor(0.5)}
        found = made_dense("scaled", parts, (3,), block_rows=1, block_columns=3)
        assert found.tolist() == [0.5, -1.0, 2.0]


def test_a_weight_without_elements_stays_so() -> None:
    parts = {"weight": torch.empty((0, 4), dtype=torch.float8_e4m3fn), "scale": torch.empty((0, 1))}
    assert made_dense("scaled", parts, (0, 4), block_rows=1, block_columns=4).shape == (0, 4)
