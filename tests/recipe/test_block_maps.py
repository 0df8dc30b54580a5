from __future__ import annotations

from typing import Any

import pytest

from mergec.diagnostics import Diagnostic, MergecError
from mergec.recipe.block_maps import BLOCK_MAPS
from mergec.recipe.schedule import NoPlace, Schedule

UNET = "model.diffusion_model"
SD1 = {
    f"{UNET}.time_embed.0.weight": "IN00",
    f"{UNET}.input_blocks.0.0.weight": "IN00",
    f"{UNET}.input_blocks.11.0.in_layers.0.weight": "IN11",
    f"{UNET}.middle_block.1.proj_in.weight": "M00",
    f"{UNET}.output_blocks.0.0.out_layers.0.weight": "OUT00",
    f"{UNET}.output_blocks.11.1.transformer_blocks.0.attn1.to_out.0.weight": "OUT11",
    f"{UNET}.out.2.weight": "OUT11",
    "cond_stage_model.transformer.text_model.embeddings.position_ids": "BASE",
    "first_stage_model.encoder.mid.attn_1.proj_out.weight": "BASE",
}
SDXL = {
    f"{UNET}.time_embed.0.weight": "IN00",
    f"{UNET}.label_emb.0.0.weight": "IN00",
    f"{UNET}.input_blocks.8.1.proj_in.weight": "IN08",
    f"{UNET}.middle_block.0.in_layers.0.weight": "M00",
    f"{UNET}.output_blocks.8.0.skip_connection.weight": "OUT08",
    f"{UNET}.out.0.bias": "OUT08",
    "conditioner.embedders.0.transformer.text_model.final_layer_norm.weight": "BASE",
    "conditioner.embedders.1.model.text_projection": "BASE",
    "first_stage_model.decoder.conv_in.weight": "BASE",
}
FLUX = {
    "double_blocks.0.img_attn.qkv.weight": "D00",
    f"{UNET}.double_blocks.18.txt_mlp.0.weight": "D18",
    f"{UNET}.single_blocks.37.linear1.weight": "S37",
    "img_in.weight": "IN",
    "guidance_in.in_layer.weight": "IN",
    f"{UNET}.vector_in.out_layer.bias": "IN",
    f"{UNET}.final_layer.linear.weight": "OUT",
    "text_encoders.clip_l.transformer.text_model.final_layer_norm.bias": "CLIP",
    "text_encoders.t5xxl.transformer.encoder.block.0.layer.0.SelfAttention.q.weight": "T5",
}


def values(value: Any, names: Any) -> dict[str, float]:
    return Schedule.parse(value, NoPlace()).resolve(list(names))


def errors(value: Any, names: Any) -> tuple[Diagnostic, ...]:
    with pytest.raises(MergecError) as caught:
        values(value, names)
    return caught.value.diagnostics


@pytest.mark.parametrize(
    ("name", "count", "first", "last"),
    [("sd1", 26, "BASE", "OUT11"), ("sdxl", 20, "BASE", "OUT08"), ("flux", 61, "CLIP", "OUT")],
)
def test_the_lists_are_those_of_the_community(name: str, count: int, first: str, last: str) -> None:
    blocks = BLOCK_MAPS[name].blocks
    assert len(blocks) == len(set(blocks)) == count
    assert (blocks[0], blocks[-1]) == (first, last)


@pytest.mark.parametrize(("kind", "expected"), [("sd1", SD1), ("sdxl", SDXL), ("flux", FLUX)])
def test_tensors_belong_to_the_blocks_of_the_rules(kind: str, expected: dict[str, str]) -> None:
    block_map = BLOCK_MAPS[kind]
    assert block_map.blocks_of(list(expected)) == expected
    numbers = list(range(len(block_map.blocks)))
    found = values({"blocks": kind, "values": numbers}, expected)
    assert found == {name: float(block_map.blocks.index(block)) for name, block in expected.items()}
    assert list(found) == list(expected)


@pytest.mark.parametrize("kind", ["sd1", "sdxl", "flux"])
def test_each_block_can_be_reached(kind: str) -> None:
    tensors = [f"{UNET}.{part}.w" for part in ("middle_block.0", "final_layer", "img_in")]
    tensors += ["text_encoders.clip_l.w", "text_encoders.t5xxl.w", "first_stage_model.w"]
    parts = ("input_blocks", "output_blocks", "double_blocks", "single_blocks")
    tensors += [f"{UNET}.{part}.{number}.w" for part in parts for number in range(40)]
    reached = set(BLOCK_MAPS[kind].blocks_of(tensors).values())
    assert reached == set(BLOCK_MAPS[kind].blocks)


def test_an_sd1_preset_on_sdxl_keeps_the_blocks_that_exist() -> None:
    preset = list(range(26))
    names = BLOCK_MAPS["sd1"].blocks
    found = values({"blocks": "sdxl", "values": preset}, SDXL)
    assert found == {name: float(names.index(block)) for name, block in SDXL.items()}


def test_the_vae_slot_of_a_list_of_21_is_never_selected() -> None:
    numbers = [*range(20), 99]
    assert 99 not in values({"blocks": "sdxl", "values": numbers}, SDXL).values()


def test_blocks_by_name_with_a_default() -> None:
    found = values({"blocks": "sd1", "values": {"IN00": 0, "M00": 0.5, "default": 0.3}}, [*SD1, "betas"])
    assert found[f"{UNET}.time_embed.0.weight"] == 0.0
    assert found[f"{UNET}.middle_block.1.proj_in.weight"] == 0.5
    assert found["first_stage_model.encoder.mid.attn_1.proj_out.weight"] == 0.3
    assert found["betas"] == 0.3


def test_a_default_beside_a_list_covers_what_no_block_holds() -> None:
    names = [*FLUX, "vae.encoder.conv_in.weight"]
    found = values({"blocks": "flux", "values": [1] * 61, "default": 0}, names)
    assert found["vae.encoder.conv_in.weight"] == 0.0
    assert found["img_in.weight"] == 1.0


def test_tensors_outside_all_blocks_are_named() -> None:
    (found,) = errors({"blocks": "flux", "values": [1] * 61}, [*FLUX, "vae.encoder.conv_in.weight", "vae.x"])
    assert found.code == "MC0133"
    assert "`vae.encoder.conv_in.weight` and 1 more" in found.message
    assert "default" in (found.help or "")


def test_blocks_beyond_the_map_belong_to_none() -> None:
    (found,) = errors({"blocks": "sdxl", "values": [0] * 20}, [*SDXL, f"{UNET}.input_blocks.11.0.weight"])
    assert found.code == "MC0133"


def test_names_of_another_layout_get_an_example() -> None:
    (found,) = errors({"blocks": "sd1", "values": [0] * 26}, ["unet.down_blocks.0.weight"])
    assert "model.diffusion_model.input_blocks" in (found.help or "")


def test_a_default_does_not_hide_a_map_of_another_model() -> None:
    (found,) = errors(
        {"blocks": "sd1", "values": {"M00": 0.5}, "default": 0.1}, ["unet.down_blocks.0.weight"]
    )
    assert found.code == "MC0133"


def test_blocks_without_a_value_are_named() -> None:
    found = errors({"blocks": "sd1", "values": {"IN00": 0, "BASE": 1}}, SD1)
    assert {d.code for d in found} == {"MC0133"}
    assert any("block M00 has no value" in d.message for d in found)


@pytest.mark.parametrize(
    ("value", "code", "text"),
    [
        ({"blocks": "sd1", "values": [0] * 25}, "MC0131", "takes 26 values, not 25"),
        ({"blocks": "sdxl", "values": [0] * 25}, "MC0131", "takes 20, 21 or 26 values, not 25"),
        ({"blocks": "flux", "values": [0] * 19}, "MC0131", "takes 61 values, not 19"),
        ({"blocks": "sd1", "values": {"IN12": 0}}, "MC0132", "no block `IN12`"),
        ({"blocks": "sdxl", "values": {"in00": 0}}, "MC0132", "no block `in00`"),
        ({"blocks": "sd2", "values": [0]}, "MC0130", "`sd2`"),
        ({"blocks": 1, "values": [0]}, "MC0126", "not the name of a block map"),
        ({"blocks": "sd1"}, "MC0126", "nothing is not the values of the blocks"),
        ({"blocks": "sd1", "values": 1}, "MC0126", "not the values of the blocks"),
        ({"blocks": "sd1", "values": {"M00": "x"}}, "MC0126", "not a number"),
        ({"blocks": "sd1", "values": [0] * 26, "defualt": 1}, "MC0110", "`defualt`"),
        ({"blocks": "sd1", "values": {"default": 1}, "default": 1}, "MC0126", "second `default`"),
    ],
)
def test_mistakes(value: Any, code: str, text: str) -> None:
    (found,) = errors(value, SD1)
    assert found.code == code
    assert text in found.message
    assert found.help


def test_a_wrong_length_lists_the_blocks() -> None:
    (found,) = errors({"blocks": "flux", "values": [0]}, FLUX)
    assert "CLIP, T5, IN, D00 to D18, S00 to S37, OUT" in (found.help or "")
