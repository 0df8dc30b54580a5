"""Checkpoints quantised and saved by the real libraries, against their own dense answers, bit for bit."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch

from tests.conftest import Raw, read_checkpoint, write_checkpoint
from tests.end_to_end.test_memory import HIGH, LOW, assert_kept, measured

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tests.conftest import Tensor, Workbench

pytestmark = pytest.mark.filterwarnings("ignore")  # those of the libraries are not ours


@pytest.fixture(params=[1 << 22, 600], ids=["whole", "in-parts"], autouse=True)
def _parts(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Weights read at once, and in parts of few rows: nobody may see the difference."""
    monkeypatch.setattr("mergec.lower.source_layouts._PART_ELEMENTS", request.param)


COPY = {"op": "select", "model": "a"}
_CODES = {torch.bfloat16: "BF16", torch.float16: "F16", torch.float32: "F32"}


def assert_same(made: Mapping[str, Tensor], expected: Mapping[str, torch.Tensor]) -> None:
    assert set(made) == set(expected)
    for name, tensor in expected.items():
        assert made[name].code == _CODES[tensor.dtype], name
        assert made[name].shape == tuple(tensor.shape), name
        assert made[name].data == tensor.contiguous().view(torch.uint8).numpy().tobytes(), name


def quantised(bench: Workbench, name: str) -> None:
    bench.sources[name] = {"path": name, "dequantize": True}


class TestBitsandbytes:
    @pytest.fixture(autouse=True)
    def _library(self) -> None:
        pytest.importorskip("bitsandbytes")
        pytest.importorskip("accelerate")

    def saved(self, folder: Path, **settings: object) -> Any:  # a model of transformers
        import transformers

        library: Any = transformers  # typed in part
        torch.manual_seed(0)
        config = library.LlamaConfig(
            hidden_size=64, intermediate_size=128, num_hidden_layers=2, num_attention_heads=4, vocab_size=96
        )
        library.LlamaForCausalLM(config).to(torch.bfloat16).save_pretrained(folder.with_name("dense"))
        made: Any = library.AutoModelForCausalLM.from_pretrained(
            folder.with_name("dense"),
            quantization_config=library.BitsAndBytesConfig(**settings),
            dtype=torch.bfloat16,
        )
        made.save_pretrained(folder)
        return made

    @pytest.mark.parametrize(
        "settings",
        [
            {"load_in_4bit": True, "bnb_4bit_quant_type": "nf4", "bnb_4bit_use_double_quant": True},
            {"load_in_4bit": True, "bnb_4bit_quant_type": "fp4"},
            {"load_in_8bit": True},
        ],
        ids=["nf4", "fp4", "int8"],
    )
    def test_a_model_of_transformers(self, bench: Workbench, settings: dict[str, Any]) -> None:
        from transformers import AutoModelForCausalLM

        if settings.get("load_in_4bit"):
            settings = {**settings, "bnb_4bit_compute_dtype": torch.bfloat16}
        model = self.saved(bench.folder / "a", **settings)
        quantised(bench, "a")
        made = bench.build(COPY)
        expected = model.dequantize(dtype=torch.bfloat16).state_dict()
        assert_same(made, expected)
        assert "quantization_config" not in json.loads((bench.out / "config.json").read_text())
        again = AutoModelForCausalLM.from_pretrained(bench.out)
        assert all(torch.equal(tensor, expected[name]) for name, tensor in again.state_dict().items())


class TestCompressedTensors:
    @pytest.mark.parametrize(
        ("form", "weights"),
        [
            ("pack-quantized", {"type": "int", "num_bits": 4, "strategy": "group", "group_size": 32}),
            ("int-quantized", {"type": "int", "num_bits": 8, "strategy": "channel"}),
            ("float-quantized", {"type": "float", "num_bits": 8, "strategy": "channel"}),
            (
                "nvfp4-pack-quantized",
                {"type": "float", "num_bits": 4, "strategy": "tensor_group", "group_size": 16},
            ),
        ],
    )
    def test_a_model_of_its_compressor(self, bench: Workbench, form: str, weights: dict[str, Any]) -> None:
        pytest.importorskip("compressed_tensors")
        from compressed_tensors.compressors import BaseCompressor
        from compressed_tensors.quantization import QuantizationArgs, QuantizationScheme
        from safetensors.torch import save_file

        from tests.sources.quantised.compress import compressed

        scheme = QuantizationScheme(targets=["Linear"], weights=QuantizationArgs(**weights))
        expected = {"model.norm.weight": torch.ones(64, dtype=torch.bfloat16)}
        stored = dict(expected)
        for number in range(2):
            weight = torch.randn((96, 64), generator=torch.Generator().manual_seed(number)).bfloat16()
            packed = compressed(weight, form, weights)
            stored |= {f"model.layers.{number}.up.{part}": one for part, one in packed.items()}
            dense = BaseCompressor.get_value_from_registry(form).decompress(dict(packed), scheme)["weight"]
            expected[f"model.layers.{number}.up.weight"] = dense
        (bench.folder / "a").mkdir()
        save_file({k: v.contiguous() for k, v in stored.items()}, bench.folder / "a" / "model.safetensors")
        group = json.loads(scheme.model_dump_json())
        config = {"quant_method": "compressed-tensors", "format": form, "config_groups": {"group_0": group}}
        (bench.folder / "a" / "config.json").write_text(json.dumps({"quantization_config": config}))
        quantised(bench, "a")
        assert_same(bench.build(COPY), expected)


class TestGguf:
    def test_a_file_of_its_writer(self, bench: Workbench) -> None:
        gguf: Any = pytest.importorskip("gguf")
        generator = np.random.default_rng(0)
        expected: dict[str, torch.Tensor] = {}
        writer = gguf.GGUFWriter(bench.folder / "a.gguf", "llama")
        for name in ("Q8_0", "Q4_0", "Q5_1", "TQ2_0"):
            kind = gguf.GGMLQuantizationType[name]
            packed = gguf.quantize(generator.normal(size=(40, 512)).astype(np.float32), kind)
            writer.add_tensor(f"blk.0.{name}.weight", packed, raw_dtype=kind)
            dense = torch.from_numpy(gguf.dequantize(packed, kind))
            expected[f"blk.0.{name}.weight"] = dense.bfloat16()
        norm = generator.normal(size=7).astype(np.float32)
        writer.add_tensor("output_norm.weight", norm)
        expected["output_norm.weight"] = torch.from_numpy(norm)
        for step in ("header", "kv_data", "tensors"):
            getattr(writer, f"write_{step}_to_file")()
        writer.close()
        bench.sources["a"] = {"path": "a.gguf", "dequantize": True}
        assert_same(bench.build(COPY), expected)


def test_quantised_models_are_merged_as_their_dense_ones(bench: Workbench) -> None:
    functional: Any = pytest.importorskip("bitsandbytes.functional")
    from safetensors.torch import save_file

    for number, name in enumerate("ab"):
        weight = torch.randn((80, 128), generator=torch.Generator().manual_seed(number)).bfloat16()
        packed, state = functional.quantize_4bit(weight, quant_type="nf4", compress_statistics=bool(number))
        tensors = {"w": packed, **{f"w.{key}": one for key, one in state.as_dict(packed=True).items()}}
        save_file(tensors, bench.folder / f"{name}.safetensors")
        dense = {"w": functional.dequantize_4bit(packed, state)}
        save_file(dense, bench.folder / f"dense_{name}.safetensors")
        bench.sources[name] = {"path": f"{name}.safetensors", "dequantize": True}
        bench.sources[f"dense_{name}"] = {"path": f"dense_{name}.safetensors"}
    merged = {"op": "linear", "inputs": {"a": 0.3, "b": 0.7}}
    expected = bench.build({"op": "linear", "inputs": {"dense_a": 0.3, "dense_b": 0.7}})
    assert bench.build(merged) == expected
    for name in "ab":
        bench.sources[name] = {"path": f"{name}.safetensors"}
    assert set(bench.codes(merged)) == {"MC0226", "MC0306"}
    assert bench.build({"op": "select", "model": "a"}) == read_checkpoint(bench.folder / "a.safetensors")


@pytest.mark.slow
@pytest.mark.parametrize(("rows", "memory"), [(1 << 7, LOW), (1 << 13, HIGH)])
def test_memory_stays_within_the_promise(bench: Workbench, rows: int, memory: str) -> None:
    codes = np.zeros((rows, 4096), np.uint8)
    scales = np.ones((rows // 128, 32), np.float32)
    tensors: dict[str, Any] = {}
    for number in range(3):
        tensors |= {f"l.{number}.w": Raw("F8_E4M3", codes), f"l.{number}.w_scale_inv": scales}
    for name in "ab":
        write_checkpoint(bench.folder / f"{name}.safetensors", tensors)
        bench.sources[name] = {"path": f"{name}.safetensors", "dequantize": True}
    found = measured(bench, {"op": "linear", "inputs": {"a": 0.5, "b": 0.5}}, memory, workers=2)
    assert_kept(found, memory)
