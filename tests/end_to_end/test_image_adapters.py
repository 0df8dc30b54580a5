"""Adapters built into image models, against what diffusers makes of the same files."""

from __future__ import annotations

import inspect
import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from safetensors.numpy import save_file

from tests.adapters.images.test_layouts import SD1, SD3, SDXL, single_file_of
from tests.conftest import read_checkpoint

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Workbench

diffusers: Any = pytest.importorskip("diffusers", reason="the oracle")
transformers: Any = pytest.importorskip("transformers")

CLIP = {
    "vocab_size": 9,
    "hidden_size": 6,
    "intermediate_size": 10,
    "projection_dim": 6,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "max_position_embeddings": 7,
    "bos_token_id": 0,
    "eos_token_id": 1,
}
FLUX: dict[str, Any] = {
    "patch_size": 1,
    "in_channels": 4,
    "num_layers": 2,
    "num_single_layers": 2,
    "attention_head_dim": 4,
    "num_attention_heads": 2,
    "joint_attention_dim": 6,
    "pooled_projection_dim": 5,
    "guidance_embeds": True,
    "axes_dims_rope": (2, 2),
}


PEFT_ENDINGS = {"down": ".lora_A.weight", "up": ".lora_B.weight"}


def dotted(path: str, part: str) -> str:
    """Names of today's diffusers; there is no alpha among them."""
    return f"{path}{PEFT_ENDINGS[part]}" if part in PEFT_ENDINGS else ""


def unet(config: dict[str, Any]) -> Any:
    torch.manual_seed(0)
    return diffusers.UNet2DConditionModel(**config)


def weights(model: torch.nn.Module) -> dict[str, Any]:
    return {name: value.numpy().copy() for name, value in model.state_dict().items()}


def factors(model: torch.nn.Module, name_of: Any, wanted: str = "") -> dict[str, Any]:
    """A pair of factors and an alpha for linear layers and convolutions, under the names of a format."""
    random = np.random.default_rng(0)
    stored = {}
    for path, layer in model.named_modules():
        if not isinstance(layer, torch.nn.Linear | torch.nn.Conv2d) or wanted not in path:
            continue
        o, i, *kernel = layer.weight.shape
        rank = 3
        stored[name_of(path, "down")] = random.normal(size=(rank, i, *kernel)).astype(np.float32)
        stored[name_of(path, "up")] = random.normal(size=(o, rank, *(1 for _ in kernel))).astype(np.float32)
        if name_of(path, "alpha"):
            stored[name_of(path, "alpha")] = np.array(1.5, np.float32)
    return stored


def kohya(prefix: str) -> Any:
    parts = {"down": "lora_down.weight", "up": "lora_up.weight", "alpha": "alpha"}
    return lambda path, part: f"{prefix}_{path.replace('.', '_')}.{parts[part]}"


def flatly(prefix: str, layout: dict[str, str]) -> Any:
    """Names of the other layout."""
    name_of = kohya(prefix)
    return lambda path, part: name_of(layout[path], part)


def fused(model: Any, file: Path, pipeline: Any, prefix: str = "unet") -> dict[str, Any]:
    """What diffusers' own loader and fuse make of a model."""
    keys = {"unet_config": model.config} if prefix == "unet" else {}
    state, *alphas, metadata = pipeline.lora_state_dict(
        str(file.parent), weight_name=file.name, return_lora_metadata=True, **keys
    )
    if prefix == "unet":
        pipeline.load_lora_into_unet(
            state, network_alphas=alphas[0] if alphas else None, unet=model, metadata=metadata
        )
    else:
        load = pipeline.load_lora_into_transformer
        old = {"network_alphas": None} if "network_alphas" in inspect.signature(load).parameters else {}
        load(state, transformer=model, metadata=metadata, **old)
    model.fuse_lora()
    model.unload_lora()
    return weights(model)


def close(found: dict[str, Any], expected: dict[str, Any], before: dict[str, Any]) -> None:
    """Equal to rounding; and something was done."""
    assert found.keys() == expected.keys()
    changed = 0
    for name, value in expected.items():
        np.testing.assert_allclose(found[name].values, value, rtol=1e-5, atol=1e-6, err_msg=name)
        changed += not np.array_equal(value, before[name])
    assert changed > 10


@pytest.mark.parametrize("config", [SD1, SDXL], ids=["SD 1", "SDXL"])
def test_kohya_on_the_layout_of_diffusers(bench: Workbench, config: dict[str, Any]) -> None:
    model = unet(config)
    before = weights(model)
    stored = factors(model, kohya("lora_unet"), "attentions")
    save_file(stored, bench.folder / "style.safetensors")
    bench.source("base", before)
    bench.sources["style"] = "style.safetensors"
    found = bench.build({"op": "lora", "base": "base", "adapters": {"style": 1.0}})
    pipeline = diffusers.StableDiffusionXLPipeline if config is SDXL else diffusers.StableDiffusionPipeline
    close(found, fused(model, bench.folder / "style.safetensors", pipeline), before)


def original_of(model: torch.nn.Module) -> dict[str, str]:
    """The paths of a model of diffusers in the original layout."""
    numbers = {
        name: torch.full(value.shape, number, dtype=torch.float64)
        for number, (name, value) in enumerate(model.state_dict().items())
    }
    names = list(numbers)
    found: dict[str, str] = {}
    for path, value in single_file_of(numbers).items():
        if path.endswith(".weight") and value.numel() and value.min() == value.max():
            found.setdefault(names[int(value.min())].removesuffix(".weight"), path.removesuffix(".weight"))
    return found


def as_single_file(model: dict[str, Any], prefix: str = "model.diffusion_model.") -> dict[str, Any]:
    """The weights in the original layout."""
    tensors = {name: torch.from_numpy(np.array(value)) for name, value in model.items()}
    return {f"{prefix}{name}": value.numpy() for name, value in single_file_of(tensors).items()}


@pytest.mark.parametrize("names", ["diffusers", "original"])
@pytest.mark.parametrize("config", [SD1, SDXL], ids=["SD 1", "SDXL"])
def test_kohya_on_single_files(bench: Workbench, config: dict[str, Any], names: str) -> None:
    model = unet(config)
    before = weights(model)
    layout = original_of(model)
    name_of = flatly("lora_unet", layout) if names == "original" else kohya("lora_unet")
    save_file(factors(model, name_of), bench.folder / "style.safetensors")
    save_file(factors(model, kohya("lora_unet")), bench.folder / "same.safetensors")
    bench.source("base", as_single_file(before))
    bench.sources["style"] = "style.safetensors"
    found = bench.build({"op": "lora", "base": "base", "adapters": {"style": 1.0}})
    expected = {}
    for name, value in before.items():
        path = name.removesuffix(".weight")
        up = factors_of(bench.folder / "same.safetensors", path)
        expected[name] = value if up is None else value + 0.5 * up.reshape(value.shape)
    close(found, as_single_file(expected), as_single_file(before))


def factors_of(file: Path, path: str) -> Any:
    """Up times down, in float64, as it stands in a file with the names of kohya-ss; None if it has none."""
    flat, stored = f"lora_unet_{path.replace('.', '_')}", read_checkpoint(file)
    if f"{flat}.alpha" not in stored:
        return None
    up, down = (stored[f"{flat}.lora_{part}.weight"].values.astype(np.float64) for part in ("up", "down"))
    return up.reshape(len(up), -1) @ down.reshape(len(down), -1)


def fuses_as_diffusers_does(
    bench: Workbench, model: Any, stored: dict[str, Any], metadata: dict[str, Any], layout: str
) -> None:
    """Saved by diffusers with its metadata, folded into a base in either layout, and fused by diffusers."""
    before = weights(model)
    layers = {name: torch.from_numpy(value) for name, value in stored.items()}
    diffusers.StableDiffusionPipeline.save_lora_weights(
        bench.folder / "style", unet_lora_layers=layers, unet_lora_adapter_metadata=metadata
    )
    file = bench.folder / "style" / "pytorch_lora_weights.safetensors"
    bench.source("base", as_single_file(before) if layout == "original" else before)
    bench.sources["style"] = "style"
    found = bench.build({"op": "lora", "base": "base", "adapters": {"style": 1.0}})
    expected = fused(model, file, diffusers.StableDiffusionPipeline)
    if layout == "original":
        before, expected = as_single_file(before), as_single_file(expected)
    close(found, expected, before)


@pytest.mark.parametrize("layout", ["diffusers", "original"])
@pytest.mark.parametrize("scaling", ["alpha / r", "alpha / sqrt(r)"])
def test_files_of_diffusers_with_the_scale_in_the_header(bench: Workbench, scaling: str, layout: str) -> None:
    model = unet(SD1)
    stored = factors(model, dotted, ".attn")
    metadata = {
        "r": 3,
        "lora_alpha": 6,
        "use_rslora": "sqrt" in scaling,
        "alpha_pattern": {"attn1.to_k": 12, "up_blocks.1.attentions.0.transformer_blocks.0.attn2.to_v": 1.5},
        "target_modules": ["to_q", "to_k", "to_v", "to_out.0"],
    }
    fuses_as_diffusers_does(bench, model, stored, metadata, layout)


def old(path: str, part: str) -> str:
    """Names of before: factors beside their layer, or in the attention's processor."""
    side = {"down": "down.weight", "up": "up.weight"}.get(part)
    attention, _, projection = path.rpartition(".to_")
    if side is None:
        return ""
    if attention.endswith("attn2"):
        return f"unet.{attention}.processor.to_{projection.removesuffix('.0')}_lora.{side}"
    return f"unet.{path}.lora.{side}"


def test_old_names_of_diffusers(bench: Workbench) -> None:
    model = unet(SD1)
    before = weights(model)
    stored = factors(model, old, ".attn")
    assert any(".processor.to_out_lora." in name for name in stored)
    assert any(".to_out.0.lora." in name for name in stored)
    save_file(stored, bench.folder / "style.safetensors")
    bench.source("base", before)
    bench.sources["style"] = "style.safetensors"
    found = bench.build({"op": "lora", "base": "base", "adapters": {"style": 1.0}})
    close(found, fused(model, bench.folder / "style.safetensors", diffusers.StableDiffusionPipeline), before)


@pytest.mark.parametrize("layout", ["diffusers", "original"])
def test_dora_of_diffusers(bench: Workbench, layout: str) -> None:
    model = unet(SD1)
    stored = factors(model, dotted, ".attn")
    for name in [name for name in stored if "lora_B" in name]:
        rows = np.random.default_rng(len(name)).uniform(0.5, 2, len(stored[name])).astype(np.float32)
        stored[name.replace("lora_B.weight", "lora_magnitude_vector")] = rows
    metadata = {
        "r": 3,
        "lora_alpha": 6,
        "use_dora": True,
        "target_modules": ["to_q", "to_k", "to_v", "to_out.0"],
    }
    fuses_as_diffusers_does(bench, model, stored, metadata, layout)


@pytest.mark.parametrize("layout", ["diffusers", "original"])
def test_flux(bench: Workbench, layout: str) -> None:
    torch.manual_seed(0)
    model = diffusers.FluxTransformer2DModel(**FLUX)
    before = weights(model)
    stored = factors(model, dotted)
    layers = {name: torch.from_numpy(value) for name, value in stored.items()}
    diffusers.FluxPipeline.save_lora_weights(bench.folder / "style", transformer_lora_layers=layers)
    file = bench.folder / "style" / "pytorch_lora_weights.safetensors"
    bench.source("base", as_single_file(before, "") if layout == "original" else before)
    bench.sources["style"] = "style"
    found = bench.build({"op": "lora", "base": "base", "adapters": {"style": 1.0}})
    expected = fused(model, file, diffusers.FluxPipeline, "transformer")
    if layout == "original":
        before, expected = as_single_file(before, ""), as_single_file(expected, "")
    close(found, expected, before)


def test_stable_diffusion_3(bench: Workbench) -> None:
    torch.manual_seed(0)
    model = diffusers.SD3Transformer2DModel(**SD3)
    before = weights(model)
    stored = factors(model, dotted, "attn")
    layers = {name: torch.from_numpy(value) for name, value in stored.items()}
    diffusers.StableDiffusion3Pipeline.save_lora_weights(
        bench.folder / "style", transformer_lora_layers=layers
    )
    file = bench.folder / "style" / "pytorch_lora_weights.safetensors"
    bench.source("base", as_single_file(before))
    bench.sources["style"] = "style"
    found = bench.build({"op": "lora", "base": "base", "adapters": {"style": 1.0}})
    expected = fused(model, file, diffusers.StableDiffusion3Pipeline, "transformer")
    close(found, as_single_file(expected), as_single_file(before))


def test_the_text_encoders_of_sdxl(bench: Workbench) -> None:
    """kohya-ss names the layers of Hugging Face; the second encoder of the file is OpenCLIP's."""
    torch.manual_seed(0)
    first = transformers.CLIPTextModelWithProjection(transformers.CLIPTextConfig(**CLIP))
    second = transformers.CLIPTextModelWithProjection(transformers.CLIPTextConfig(**CLIP))
    roots = {"lora_te1": "conditioner.embedders.0.transformer.", "lora_te2": "conditioner.embedders.1.model."}
    base = {f"{roots['lora_te1']}{name}": value for name, value in weights(first).items()}
    base |= {
        f"{roots['lora_te2']}{name}": value
        for name, value in as_single_file(weights(second), "").items()
        if not name.startswith(("encoder.", "embeddings.", "final_"))
    }
    stored = {
        **factors(first, kohya("lora_te1"), "self_attn"),
        **factors(second, kohya("lora_te2"), "text_model"),
    }
    save_file(stored, bench.folder / "style.safetensors")
    bench.source("base", base)
    bench.sources["style"] = "style.safetensors"
    found = bench.build({"op": "lora", "base": "base", "adapters": {"style": -0.5}})
    for flat, model in (("lora_te1", first), ("lora_te2", second)):
        for path, layer in model.named_modules():
            name = f"{flat}_{path.replace('.', '_')}"
            if f"{name}.alpha" in stored:
                up, down = stored[f"{name}.lora_up.weight"], stored[f"{name}.lora_down.weight"]
                layer.weight.data -= torch.from_numpy(0.25 * up @ down)
    expected = {f"{roots['lora_te1']}{name}": value for name, value in weights(first).items()}
    expected |= {
        f"{roots['lora_te2']}{name}": value for name, value in as_single_file(weights(second), "").items()
    }
    close(found, {name: expected[name] for name in base}, base)


def test_the_header_is_what_diffusers_wrote(tmp_path: Path) -> None:
    """The key that the scales are read from."""
    layers = {"a.lora_A.weight": torch.ones(1, 2), "a.lora_B.weight": torch.ones(2, 1)}
    diffusers.StableDiffusionPipeline.save_lora_weights(
        tmp_path, unet_lora_layers=layers, unet_lora_adapter_metadata={"r": 1, "lora_alpha": 2}
    )
    content = (tmp_path / "pytorch_lora_weights.safetensors").read_bytes()
    header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
    assert json.loads(header["__metadata__"]["lora_adapter_metadata"]) == {"unet.lora_alpha": 2, "unet.r": 1}
