from __future__ import annotations

import pytest

from mergec.adapters.images.diffusers_names import component_of, taken_apart
from mergec.adapters.images.forms import PARTS_OF_FORMS

BLOCK = "down_blocks.0.attentions.0.transformer_blocks.0"
TEXT = "text_encoder.text_model.encoder.layers.0.self_attn"
DOWN, UP = "lora_down.weight", "lora_up.weight"


@pytest.mark.parametrize(
    ("name", "module", "part"),
    [
        (f"unet.{BLOCK}.attn1.to_q.lora_A.weight", f"unet.{BLOCK}.attn1.to_q", DOWN),
        (f"unet.{BLOCK}.attn1.to_out.0.lora_B.weight", f"unet.{BLOCK}.attn1.to_out.0", UP),
        (f"unet.{BLOCK}.attn1.to_k.lora.down.weight", f"unet.{BLOCK}.attn1.to_k", DOWN),
        (f"unet.{BLOCK}.attn1.processor.to_v_lora.up.weight", f"unet.{BLOCK}.attn1.to_v", UP),
        (f"{BLOCK}.attn1.processor.to_out_lora.down.weight", f"{BLOCK}.attn1.to_out.0", DOWN),
        (
            f"unet.{BLOCK}.attn2.processor.add_k_proj_lora.down.weight",
            f"unet.{BLOCK}.attn2.add_k_proj",
            DOWN,
        ),
        (f"{TEXT}.q_proj.lora_linear_layer.down.weight", f"{TEXT}.q_proj", DOWN),
        (f"{TEXT}.to_k_lora.up.weight", f"{TEXT}.k_proj", UP),
        (f"{TEXT}.to_out_lora.down.weight", f"{TEXT}.out_proj", DOWN),
        ("transformer.proj_out.lora_B.bias", "transformer.proj_out", "lora_B.bias"),
        ("transformer.x.lora_magnitude_vector", "transformer.x", "lora_magnitude_vector"),
        ("transformer.x.lora_magnitude_vector.weight", "transformer.x", "lora_magnitude_vector"),
        ("transformer.x.alpha", "transformer.x", "alpha"),
        (
            "diffusion_model.single_blocks.0.linear1.lokr_w1",
            "diffusion_model.single_blocks.0.linear1",
            "lokr_w1",
        ),
        ("diffusion_model.x.lora_down.weight", "diffusion_model.x", DOWN),
        ("diffusion_model.x.diff_b", "diffusion_model.x", "diff_b"),
    ],
)
def test_names_of_today_and_of_before(name: str, module: str, part: str) -> None:
    assert taken_apart(name, PARTS_OF_FORMS) == (module, part)


@pytest.mark.parametrize(
    "name", ["unet.conv_in.weight", "unet.conv_in.bias", "emb_params", "unet.x.on_input"]
)
def test_names_that_are_none(name: str) -> None:
    assert taken_apart(name, PARTS_OF_FORMS) is None


def test_parts_of_a_pipeline() -> None:
    assert component_of("text_encoder_2.text_model.x") == "text_encoder_2."
    assert component_of("text_encoder.text_model.x") == "text_encoder."
    assert component_of("down_blocks.0.x") == ""
