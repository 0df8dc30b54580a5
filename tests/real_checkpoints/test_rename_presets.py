"""Rename presets on the names that transformers gives to small models, in memory and in files."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from mergec.diagnostics import Report
from mergec.recipe.rename_pass import apply_rules
from mergec.recipe.source_names import parse_rules
from mergec.recipe.value_place import NoPlace
from tests.recipe.rule_runs import tensor

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from tests.conftest import Workbench

# Transformers 4 has other names in memory.
transformers: Any = pytest.importorskip("transformers", minversion="5")

SIZES = {
    "hidden_size": 16,
    "intermediate_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "num_key_value_heads": 2,
}
TEXT = {**SIZES, "vocab_size": 40}
GEMMA = {**TEXT, "head_dim": 8}
LLAMA = {"model_type": "llama", **TEXT}
PIXELS = {**SIZES, "image_size": 32, "patch_size": 16}
CLIP = {"model_type": "clip_vision_model", **PIXELS, "projection_dim": 16}
SIGLIP = {"model_type": "siglip_vision_model", **PIXELS}
AUDIO = {
    "d_model": 16,
    "encoder_layers": 2,
    "encoder_attention_heads": 2,
    "encoder_ffn_dim": 32,
    "num_mel_bins": 8,
    "max_source_positions": 16,
}
QWEN_VISION = {"depth": 2, "embed_dim": 16, "hidden_size": 16, "num_heads": 2}
QWEN_2_5_VISION = {"depth": 2, "hidden_size": 16, "num_heads": 2, "out_hidden_size": 16}


def llava() -> Any:
    return transformers.LlavaForConditionalGeneration(
        transformers.LlavaConfig(vision_config=CLIP, text_config=LLAMA)
    )


def llava_next() -> Any:
    config = transformers.LlavaNextConfig(
        vision_config=CLIP, text_config=LLAMA, image_grid_pinpoints=[[32, 32]]
    )
    return transformers.LlavaNextForConditionalGeneration(config)


def paligemma() -> Any:
    text = {"model_type": "gemma", **GEMMA}
    config = transformers.PaliGemmaConfig(vision_config=SIGLIP, text_config=text, projection_dim=16)
    return transformers.PaliGemmaForConditionalGeneration(config)


def gemma3() -> Any:
    text = {"model_type": "gemma3_text", **GEMMA}
    config = transformers.Gemma3Config(vision_config=SIGLIP, text_config=text, mm_tokens_per_image=4)
    return transformers.Gemma3ForConditionalGeneration(config)


def qwen2_audio() -> Any:
    text = {"model_type": "qwen2", **TEXT}
    audio = {"model_type": "qwen2_audio_encoder", **AUDIO}
    return transformers.Qwen2AudioForConditionalGeneration(
        transformers.Qwen2AudioConfig(audio_config=audio, text_config=text)
    )


def mllama() -> Any:
    text = {"model_type": "mllama_text_model", **TEXT, "cross_attention_layers": [1], "pad_token_id": 0}
    text["rope_parameters"] = {"rope_type": "default", "rope_theta": 10000.0}
    vision: dict[str, Any] = {"hidden_size": 16, "intermediate_size": 32}
    vision |= {"num_hidden_layers": 2, "num_global_layers": 1}
    vision |= {"attention_heads": 2, "image_size": 32, "patch_size": 16, "vision_output_dim": 32}
    vision |= {"intermediate_layers_indices": [1], "supported_aspect_ratios": [[1, 1]], "max_num_tiles": 1}
    config = transformers.MllamaConfig(vision_config=vision, text_config=text)
    return transformers.MllamaForConditionalGeneration(config)


def qwen2_vl() -> Any:
    config = transformers.Qwen2VLConfig(text_config=TEXT, vision_config=QWEN_VISION)
    return transformers.Qwen2VLForConditionalGeneration(config)


def qwen2_5_vl() -> Any:
    config = transformers.Qwen2_5_VLConfig(text_config=TEXT, vision_config=QWEN_2_5_VISION)
    return transformers.Qwen2_5_VLForConditionalGeneration(config)


def renamed(names: Iterable[str], *presets: str) -> set[str]:
    report = Report()
    rules = parse_rules([{"preset": preset} for preset in presets], NoPlace(), report)
    found, _ = apply_rules({name: tensor(6, 6) for name in names}, rules, "model", report)
    assert report.diagnostics == ()
    return set(found)


def with_bias(*modules: str) -> list[str]:
    return [f"{module}.{part}" for module in modules for part in ("weight", "bias")]


def stored(folder: Path) -> dict[str, torch.Tensor]:
    return load_file(folder / "model.safetensors")


OTHERS = [llava, llava_next, paligemma, gemma3, mllama, qwen2_audio]
QWENS = [qwen2_vl, qwen2_5_vl]


@pytest.mark.parametrize(
    ("make", "family"),
    [*((make, "hf") for make in OTHERS), *((make, "qwen2-vl") for make in QWENS)],
)
def test_names_in_files_and_in_memory(make: Callable[[], Any], family: str, tmp_path: Path) -> None:
    model = make()
    model.save_pretrained(tmp_path / "file")
    model.save_pretrained(tmp_path / "memory", save_original_format=False)
    file, memory = set(stored(tmp_path / "file")), set(stored(tmp_path / "memory"))
    assert file != memory
    assert memory <= set(model.state_dict())
    assert renamed(file, f"{family}-file-to-memory") == memory
    assert renamed(memory, f"{family}-memory-to-file") == file


def original_llava(file: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The tensors under LLaVA's own names, by plain replacements."""
    named = {}
    for name, value in file.items():
        new = name.replace("language_model.model.", "model.").replace("language_model.lm_head", "lm_head")
        new = new.replace("vision_tower.", "model.vision_tower.vision_tower.vision_model.")
        for linear, index in (("linear_1", 0), ("linear_2", 2)):
            new = new.replace(f"multi_modal_projector.{linear}", f"model.mm_projector.{index}")
        named[new.replace("image_newline", "model.image_newline")] = value
    return named


@pytest.mark.parametrize(("make", "preset"), [(llava, "llava-to-hf"), (llava_next, "llava-next-to-hf")])
def test_an_original_llava_is_loaded_by_transformers(
    bench: Workbench, make: Callable[[], Any], preset: str
) -> None:
    torch.manual_seed(0)
    model = make()
    model.save_pretrained(bench.folder / "hf")
    file = stored(bench.folder / "hf")
    own = original_llava(file)
    assert len(own.keys() - file.keys()) == len(file)
    assert renamed(file, "hf-to-llava") == set(own)
    (bench.folder / "own").mkdir()
    save_file(own, bench.folder / "own" / "model.safetensors")
    config = json.loads((bench.folder / "hf" / "config.json").read_text())
    (bench.folder / "own" / "config.json").write_text(json.dumps(config))
    bench.sources["own"] = {"path": "own", "rename": {"preset": preset}}
    bench.build("own")
    again, loading = type(model).from_pretrained(bench.folder / "out", output_loading_info=True)
    assert not any(loading[kind] for kind in ("missing_keys", "unexpected_keys", "mismatched_keys"))
    for name, value in model.state_dict().items():
        assert torch.equal(again.state_dict()[name], value)


# The names of timm 1.0 and OpenCLIP 3.3, whose models need torchvision.
TIMM = ["cls_token", "pos_embed", *with_bias("patch_embed.proj", "norm", "head")]
TIMM += [
    name
    for i in range(2)
    for part in ("norm1", "attn.qkv", "attn.proj", "norm2", "mlp.fc1", "mlp.fc2")
    for name in with_bias(f"blocks.{i}.{part}")
]
OPENCLIP = ["positional_embedding", "text_projection", "logit_scale", "token_embedding.weight"]
OPENCLIP += ["visual.class_embedding", "visual.positional_embedding", "visual.proj", "visual.conv1.weight"]
OPENCLIP += with_bias("visual.ln_pre", "visual.ln_post", "ln_final")
for tower in ("visual.transformer", "transformer"):
    for i in range(2):
        block = f"{tower}.resblocks.{i}"
        OPENCLIP += [f"{block}.attn.in_proj_weight", f"{block}.attn.in_proj_bias"]
        parts = ("ln_1", "attn.out_proj", "ln_2", "mlp.c_fc", "mlp.c_proj")
        OPENCLIP += with_bias(*(f"{block}.{part}" for part in parts))


def vit() -> Any:
    return transformers.ViTForImageClassification(transformers.ViTConfig(**PIXELS))


def clip() -> Any:
    text = {**TEXT, "max_position_embeddings": 8}
    config = transformers.CLIPConfig(text_config=text, vision_config=PIXELS, projection_dim=16)
    return transformers.CLIPModel(config)


@pytest.mark.parametrize(
    ("preset", "names", "make"), [("timm-vit-to-hf", TIMM, vit), ("openclip-to-hf", OPENCLIP, clip)]
)
def test_vision_encoders_of_other_libraries(
    preset: str, names: list[str], make: Callable[[], Any], tmp_path: Path
) -> None:
    make().save_pretrained(tmp_path)
    assert renamed(names, preset) == set(stored(tmp_path))


def test_wrappers_of_torch() -> None:
    model = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.Linear(2, 2))
    names = set(model.state_dict())
    inner: Any = torch.compile(model[0], backend="eager")
    model[0] = inner
    wrapped: Any = torch.nn.DataParallel(torch.compile(model, backend="eager"))
    assert set(wrapped.state_dict()) > {"module._orig_mod.0._orig_mod.weight"}
    assert renamed(wrapped.state_dict(), "strip-wrappers") == names


def test_a_model_inside_peft() -> None:
    peft: Any = pytest.importorskip("peft")
    model = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.Linear(2, 2))
    names = set(model.state_dict())
    adapted = peft.get_peft_model(model, peft.LoraConfig(target_modules=["0"]))
    base = {name for name in adapted.state_dict() if "lora_" not in name}
    assert any(".base_layer." in name for name in base)
    assert renamed(base, "strip-peft") == names


def test_a_module_that_peft_trains_in_full() -> None:
    peft: Any = pytest.importorskip("peft")
    model = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.Linear(2, 2))
    names = set(model.state_dict())
    adapted = peft.get_peft_model(model, peft.LoraConfig(target_modules=["0"], modules_to_save=["1"]))
    base = {name for name in adapted.state_dict() if "lora_" not in name}
    trained = {f"1.modules_to_save.default.{name}" for name in ("weight", "bias")}
    assert renamed(base, "strip-peft") == names | trained
