from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from mergec.adapters.images.base_modules import BaseModules
from tests.adapters.evaluate import Bench

if TYPE_CHECKING:
    from collections.abc import Mapping

UNET = "model.diffusion_model"
OPEN_CLIP = "conditioner.embedders.1.model.transformer.resblocks.3"


def modules(**shapes: tuple[int, ...]) -> BaseModules:
    """A base with weights of these shapes; `__` stands for a dot."""
    arrays = {name.replace("__", "."): np.zeros(shape, np.float32) for name, shape in shapes.items()}
    return BaseModules(Bench().tensors(arrays))


def base(names: Mapping[str, tuple[int, ...]]) -> BaseModules:
    return BaseModules(Bench().tensors({name: np.zeros(shape, np.float32) for name, shape in names.items()}))


SDXL = {
    f"{UNET}.input_blocks.4.1.transformer_blocks.0.attn1.to_q.weight": (6, 6),
    f"{UNET}.input_blocks.3.0.op.weight": (6, 6, 3, 3),
    f"{UNET}.output_blocks.2.2.conv.weight": (6, 6, 3, 3),
    "conditioner.embedders.0.transformer.text_model.encoder.layers.3.mlp.fc1.weight": (8, 4),
    f"{OPEN_CLIP}.attn.in_proj_weight": (15, 5),
    f"{OPEN_CLIP}.mlp.c_fc.weight": (20, 5),
}
SD1 = {
    f"{UNET}.input_blocks.1.1.proj_in.weight": (4, 4, 1, 1),
    f"{UNET}.middle_block.1.transformer_blocks.0.ff.net.0.proj.weight": (8, 4),
    f"{UNET}.output_blocks.3.1.transformer_blocks.0.attn2.to_out.0.weight": (4, 4),
    "cond_stage_model.transformer.text_model.encoder.layers.0.self_attn.k_proj.weight": (4, 4),
}
FLUX = {
    "double_blocks.0.img_attn.qkv.weight": (9, 3),
    "single_blocks.7.linear1.weight": (21, 3),
    "final_layer.adaLN_modulation.1.weight": (6, 3),
}
SD3 = {
    f"{UNET}.joint_blocks.0.context_block.attn.qkv.weight": (9, 3),
    "text_encoders.clip_g.transformer.text_model.encoder.layers.0.mlp.fc2.weight": (5, 5),
    "text_encoders.t5xxl.transformer.encoder.block.0.layer.0.SelfAttention.q.weight": (5, 5),
}
DIFFUSERS = {
    "down_blocks.1.attentions.0.transformer_blocks.0.attn1.to_q.weight": (6, 6),
    "mid_block.resnets.1.conv2.weight": (6, 6, 3, 3),
}


@pytest.mark.parametrize(
    ("names", "flat", "tensor", "start", "rows"),
    [
        (SDXL, "lora_unet_input_blocks_4_1_transformer_blocks_0_attn1_to_q", 0, 0, 6),
        (SDXL, "lora_unet_down_blocks_1_attentions_0_transformer_blocks_0_attn1_to_q", 0, 0, 6),
        (SDXL, "lycoris_down_blocks_1_attentions_0_transformer_blocks_0_attn1_to_q", 0, 0, 6),
        (SDXL, "lora_unet_down_blocks_0_downsamplers_0_conv", 1, 0, 6),
        (SDXL, "lora_unet_up_blocks_0_upsamplers_0_conv", 2, 0, 6),
        (SDXL, "lora_te1_text_model_encoder_layers_3_mlp_fc1", 3, 0, 8),
        (SDXL, "lora_te2_text_model_encoder_layers_3_self_attn_q_proj", 4, 0, 5),
        (SDXL, "lora_te2_text_model_encoder_layers_3_self_attn_v_proj", 4, 10, 5),
        (SDXL, "lora_te2_text_model_encoder_layers_3_mlp_fc1", 5, 0, 20),
        (SD1, "lora_unet_down_blocks_0_attentions_0_proj_in", 0, 0, 4),
        (SD1, "lora_unet_mid_block_attentions_0_transformer_blocks_0_ff_net_0_proj", 1, 0, 8),
        (SD1, "lora_unet_up_blocks_1_attentions_0_transformer_blocks_0_attn2_to_out_0", 2, 0, 4),
        (SD1, "lora_te_text_model_encoder_layers_0_self_attn_k_proj", 3, 0, 4),
        (FLUX, "lora_unet_double_blocks_0_img_attn_qkv", 0, 0, 9),
        (FLUX, "lora_transformer_transformer_blocks_0_attn_to_k", 0, 3, 3),
        (FLUX, "lycoris_single_transformer_blocks_7_attn_to_v", 1, 6, 3),
        (FLUX, "lycoris_single_transformer_blocks_7_proj_mlp", 1, 9, 12),
        (SD3, "lora_unet_joint_blocks_0_context_block_attn_qkv", 0, 0, 9),
        (SD3, "lora_te2_text_model_encoder_layers_0_mlp_fc2", 1, 0, 5),
        (SD3, "lora_te3_encoder_block_0_layer_0_SelfAttention_q", 2, 0, 5),
        (DIFFUSERS, "lora_unet_input_blocks_4_1_transformer_blocks_0_attn1_to_q", 0, 0, 6),
        (DIFFUSERS, "lora_unet_mid_block_resnets_1_conv2", 1, 0, 6),
        (DIFFUSERS, "lora_unet_middle_block_2_out_layers_3", 1, 0, 6),
    ],
)
def test_flat_names(names: dict[str, tuple[int, ...]], flat: str, tensor: int, start: int, rows: int) -> None:
    (place,) = base(names).flat(flat)
    (piece,) = place.pieces
    assert (piece.weight, piece.start, piece.rows) == (list(names)[tensor], start, rows)


@pytest.mark.parametrize(
    ("names", "dotted", "tensor", "start"),
    [
        (SDXL, "unet.down_blocks.1.attentions.0.transformer_blocks.0.attn1.to_q", 0, 0),
        (SDXL, "down_blocks.1.attentions.0.transformer_blocks.0.attn1.to_q", 0, 0),
        (SDXL, "text_encoder_2.text_model.encoder.layers.3.self_attn.k_proj", 4, 5),
        (FLUX, "transformer.single_transformer_blocks.7.attn.to_q", 1, 0),
        (FLUX, "diffusion_model.single_blocks.7.linear1", 1, 0),
        (SD3, "text_encoder_3.encoder.block.0.layer.0.SelfAttention.q", 2, 0),
        (DIFFUSERS, "unet.mid_block.resnets.1.conv2", 1, 0),
    ],
)
def test_dotted_names(names: dict[str, tuple[int, ...]], dotted: str, tensor: int, start: int) -> None:
    (place,) = base(names).dotted(dotted)
    assert (place.pieces[0].weight, place.pieces[0].start) == (list(names)[tensor], start)


def test_the_bias_of_a_fused_projection_has_a_name_of_its_own() -> None:
    (place,) = base(SDXL).flat("lora_te2_text_model_encoder_layers_3_self_attn_q_proj")
    assert place.pieces[0].bias == f"{OPEN_CLIP}.attn.in_proj_bias"
    (place,) = base(SDXL).flat("lora_te2_text_model_encoder_layers_3_mlp_fc1")
    assert place.pieces[0].bias == f"{OPEN_CLIP}.mlp.c_fc.bias"


def test_a_fused_module_on_a_base_that_divides_it() -> None:
    names = {f"transformer_blocks.0.attn.to_{part}.weight": (3, 3) for part in "kqv"}
    names["single_transformer_blocks.0.proj_out.weight"] = (3, 3)
    (place,) = base(names).flat("lora_unet_double_blocks_0_img_attn_qkv")
    assert [piece.weight[-8] for piece in place.pieces] == ["q", "k", "v"]
    del names["transformer_blocks.0.attn.to_k.weight"]
    assert base(names).flat("lora_unet_double_blocks_0_img_attn_qkv") == []


def test_shift_and_scale_change_places() -> None:
    (place,) = base(FLUX).dotted("transformer.norm_out.linear")
    assert [(piece.start, piece.rows) for piece in place.pieces] == [(3, 3), (0, 3)]


def test_text_encoders_of_transformers_5_and_of_before() -> None:
    new = {"encoder.layers.0.mlp.fc1.weight": (8, 4)}
    old = {"text_model.encoder.layers.0.mlp.fc1.weight": (8, 4)}
    single = {"cond_stage_model.model.transformer.resblocks.0.mlp.c_fc.weight": (8, 4)}
    for names in (new, old, single):
        for dotted in ("text_model.encoder.layers.0.mlp.fc1", "encoder.layers.0.mlp.fc1"):
            (place,) = base(names).dotted(f"text_encoder.{dotted}")
            assert place.title == next(iter(names))
            assert base(names).flat(f"lora_te_{dotted.replace('.', '_')}") == [place]


def test_a_flat_name_can_mean_several_modules() -> None:
    found = modules(a__b_c__weight=(2, 2), a_b__c__weight=(2, 2)).flat("lora_unet_a_b_c")
    assert [place.title for place in found] == ["a.b_c.weight", "a_b.c.weight"]


def test_names_are_not_taken_from_other_parts() -> None:
    assert base(SDXL).flat("lora_te1_text_model_encoder_layers_3_self_attn_q_proj") == []
    assert base(SDXL).flat("lora_te2_text_model_encoder_layers_9_mlp_fc1") == []
    assert base(SDXL).dotted("text_encoder.text_model.encoder.layers.3.self_attn.q_proj") == []
    assert base(SD1).flat("some_other_name") == []
