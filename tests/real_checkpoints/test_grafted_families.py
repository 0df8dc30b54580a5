"""A tower and its connector moved within each family, from one layout to the other, loaded again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import torch

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conftest import Workbench

# Transformers 4 saves other names.
transformers: Any = pytest.importorskip("transformers", minversion="5")

SIZES = {
    "hidden_size": 16,
    "intermediate_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "num_key_value_heads": 2,
}
TEXT = {**SIZES, "vocab_size": 64}
ROPE = {"rope_type": "default", "rope_theta": 10000.0}


def eyes(layers: int, width: int, **more: Any) -> dict[str, Any]:
    sizes = {**SIZES, "hidden_size": width, "num_hidden_layers": layers}
    return {**sizes, "image_size": 32, "patch_size": 16, **more}


def paligemma(layers: int, width: int) -> Any:
    config = transformers.PaliGemmaConfig(
        vision_config=eyes(layers, width, model_type="siglip_vision_model"),
        text_config={"model_type": "gemma", **TEXT, "head_dim": 8},
        projection_dim=16,
        image_token_index=60,
    )
    return transformers.PaliGemmaForConditionalGeneration(config)


def gemma3(layers: int, width: int) -> Any:
    config = transformers.Gemma3Config(
        vision_config=eyes(layers, width, model_type="siglip_vision_model"),
        text_config={"model_type": "gemma3_text", **TEXT, "head_dim": 8},
        mm_tokens_per_image=4,
        image_token_index=60,
    )
    return transformers.Gemma3ForConditionalGeneration(config)


def internvl(layers: int, width: int) -> Any:
    vision = eyes(layers, width) | {"image_size": [32, 32], "patch_size": [16, 16]}
    text = {"model_type": "qwen2", **TEXT}
    config = transformers.InternVLConfig(vision_config=vision, text_config=text, image_token_id=60)
    return transformers.InternVLForConditionalGeneration(config)


def idefics3(layers: int, width: int) -> Any:
    config = transformers.Idefics3Config(
        vision_config=eyes(layers, width),
        text_config={"model_type": "llama", **TEXT, "pad_token_id": 0},
        image_token_id=60,
        pad_token_id=0,
    )
    return transformers.Idefics3ForConditionalGeneration(config)


def qwen2_vl(layers: int, width: int) -> Any:
    config = transformers.Qwen2VLConfig(
        text_config={**TEXT, "rope_parameters": {**ROPE, "mrope_section": [1, 1, 2]}},
        vision_config={"depth": layers, "embed_dim": width, "hidden_size": 16, "num_heads": 2},
        image_token_id=60,
        video_token_id=61,
        vision_start_token_id=1,
        vision_end_token_id=2,
    )
    return transformers.Qwen2VLForConditionalGeneration(config)


def blip2(layers: int, width: int) -> Any:
    config = transformers.Blip2Config(
        vision_config=eyes(layers, width),
        qformer_config={**SIZES, "vocab_size": 20, "encoder_hidden_size": width},
        text_config={"model_type": "opt", **TEXT, "ffn_dim": 32, "word_embed_proj_dim": 16},
        image_token_index=60,
        num_query_tokens=4,
    )
    return transformers.Blip2ForConditionalGeneration(config)


def mllama(layers: int, width: int) -> Any:
    text = {"model_type": "mllama_text_model", **TEXT, "cross_attention_layers": [1], "pad_token_id": 0}
    vision = {"hidden_size": width, "intermediate_size": 32, "num_hidden_layers": layers}
    vision |= {"num_global_layers": 1, "attention_heads": 2, "vision_output_dim": 2 * width}
    config = transformers.MllamaConfig(
        vision_config={
            **vision,
            "image_size": 32,
            "patch_size": 16,
            "intermediate_layers_indices": [1],
            "supported_aspect_ratios": [[1, 1]],
            "max_num_tiles": 1,
        },
        text_config={**text, "rope_parameters": ROPE},
        image_token_index=60,
    )
    return transformers.MllamaForConditionalGeneration(config)


def qwen2_audio(layers: int, width: int) -> Any:
    audio = {"d_model": width, "encoder_layers": layers, "encoder_attention_heads": 2, "encoder_ffn_dim": 32}
    config = transformers.Qwen2AudioConfig(
        audio_config={**audio, "num_mel_bins": 8, "max_source_positions": 16},
        text_config={"model_type": "qwen2", **TEXT},
        audio_token_index=60,
    )
    return transformers.Qwen2AudioForConditionalGeneration(config)


FAMILIES = [paligemma, gemma3, internvl, idefics3, qwen2_vl, blip2, mllama, qwen2_audio]
# What the parts that were moved are called in the memory of transformers.
MOVED = (
    "vision",
    "visual",
    "audio_tower",
    "connector",
    "projector",
    "qformer",
    "query",
    "language_projection",
)


@pytest.mark.parametrize("make", FAMILIES)
@pytest.mark.parametrize("into_files", [True, False])
def test_the_moved_parts_and_no_others(
    bench: Workbench,
    make: Callable[[int, int], Any],
    into_files: bool,  # noqa: FBT001  # a parameter
) -> None:
    torch.manual_seed(0)
    a, b = make(2, 16), make(3, 32)
    a.save_pretrained(bench.folder / "a", save_original_format=into_files)
    b.save_pretrained(bench.folder / "b", save_original_format=not into_files)
    bench.sources = {"a": {"path": "a"}, "b": {"path": "b"}}
    tower = "audio_tower" if make is qwen2_audio else "vision_tower"
    bench.build(
        {
            "tower": {"op": "graft", "into": "a", "from": "b", "component": tower},
            "merged": {"op": "graft", "into": "tower", "from": "b", "component": "connector"},
        }
    )
    made, told = type(a).from_pretrained(bench.out, output_loading_info=True)
    assert not any(told[kind] for kind in ("missing_keys", "unexpected_keys", "mismatched_keys"))
    found = made.state_dict()
    assert found.keys() == b.state_dict().keys()
    for name, value in found.items():
        is_moved = any(part in name for part in MOVED)
        assert torch.equal(value, (b if is_moved else a).state_dict()[name]), name
