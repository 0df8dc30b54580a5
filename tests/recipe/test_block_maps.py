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

# A layer of a U-Net or transformer as diffusers calls it, and the block of the same layer above.
SD1_OF_DIFFUSERS = {
    "conv_in.weight": "IN00",
    "time_embedding.linear_1.weight": "IN00",
    "down_blocks.0.resnets.0.conv1.weight": "IN01",
    "down_blocks.0.attentions.1.proj_in.weight": "IN02",
    "down_blocks.0.downsamplers.0.conv.weight": "IN03",
    "down_blocks.1.attentions.0.transformer_blocks.0.attn1.to_q.weight": "IN04",
    "down_blocks.2.downsamplers.0.conv.bias": "IN09",
    "down_blocks.3.resnets.1.conv2.bias": "IN11",
    "mid_block.attentions.0.proj_in.weight": "M00",
    "up_blocks.0.resnets.0.conv1.weight": "OUT00",
    "up_blocks.0.upsamplers.0.conv.weight": "OUT02",
    "up_blocks.1.attentions.0.proj_in.weight": "OUT03",
    "up_blocks.3.attentions.2.proj_out.weight": "OUT11",
    "conv_norm_out.weight": "OUT11",
    "conv_out.bias": "OUT11",
}
SDXL_OF_DIFFUSERS = {
    "add_embedding.linear_1.weight": "IN00",
    "down_blocks.1.attentions.0.transformer_blocks.1.attn2.to_k.weight": "IN04",
    "down_blocks.2.attentions.1.proj_in.weight": "IN08",
    "mid_block.resnets.1.conv1.weight": "M00",
    "up_blocks.1.attentions.2.proj_in.weight": "OUT05",
    "up_blocks.1.upsamplers.0.conv.weight": "OUT05",
    "up_blocks.2.resnets.2.conv_shortcut.weight": "OUT08",
    "conv_out.weight": "OUT08",
}
FLUX_OF_DIFFUSERS = {
    "transformer_blocks.18.attn.to_q.weight": "D18",
    "single_transformer_blocks.37.proj_out.weight": "S37",
    "x_embedder.weight": "IN",
    "context_embedder.bias": "IN",
    "time_text_embed.guidance_embedder.linear_1.weight": "IN",
    "norm_out.linear.weight": "OUT",
    "proj_out.weight": "OUT",
}
LAYOUTS = [
    (kind, names, prefix)
    for names, kinds, own in [
        (SD1_OF_DIFFUSERS, ("sd1", "lbw-sd1"), "unet."),
        (SDXL_OF_DIFFUSERS, ("sdxl", "lbw-sdxl"), "unet."),
        (FLUX_OF_DIFFUSERS, ("flux", "lbw-flux"), "transformer."),
    ]
    for kind in kinds
    for prefix in ("", own)
]

# What LoRA Block Weight's lists name, as its readme writes it.
LBW_17 = "BASE IN01 IN02 IN04 IN05 IN07 IN08 M00 OUT03 OUT04 OUT05 OUT06 OUT07 OUT08 OUT09 OUT10 OUT11"
LBW_12 = "BASE IN04 IN05 IN07 IN08 M00 OUT00 OUT01 OUT02 OUT03 OUT04 OUT05"


def values(value: Any, names: Any) -> dict[str, float]:
    return Schedule.parse(value, NoPlace()).resolve(list(names))


def errors(value: Any, names: Any) -> tuple[Diagnostic, ...]:
    with pytest.raises(MergecError) as caught:
        values(value, names)
    return caught.value.diagnostics


@pytest.mark.parametrize(
    ("name", "count", "first", "last"),
    [
        ("sd1", 26, "BASE", "OUT11"),
        ("sdxl", 20, "BASE", "OUT08"),
        ("flux", 61, "CLIP", "OUT"),
        ("lbw-sd1", 26, "BASE", "OUT11"),
        ("lbw-sdxl", 20, "BASE", "OUT08"),
        ("lbw-flux", 61, "CLIP", "OUT"),
    ],
)
def test_the_lists_are_those_of_the_community(name: str, count: int, first: str, last: str) -> None:
    blocks = BLOCK_MAPS[name].blocks
    assert len(blocks) == len(set(blocks)) == count
    assert (blocks[0], blocks[-1]) == (first, last)


@pytest.mark.parametrize(("kind", "names", "prefix"), LAYOUTS)
def test_diffusers_calls_the_same_layers_otherwise(kind: str, names: dict[str, str], prefix: str) -> None:
    expected = {prefix + name: block for name, block in names.items()}
    assert BLOCK_MAPS[kind].blocks_of(list(expected)) == expected


def test_other_parts_of_a_pipeline() -> None:
    names = ["text_encoder.text_model.final_layer_norm.weight", "text_encoder_2.shared.weight"]
    assert set(BLOCK_MAPS["sdxl"].blocks_of([*names, "vae.encoder.conv_in.weight"]).values()) == {"BASE"}
    assert list(BLOCK_MAPS["flux"].blocks_of(names).values()) == ["CLIP", "T5"]


@pytest.mark.parametrize(
    ("kind", "listed", "tensors"), [("lbw-sd1", LBW_17, SD1), ("lbw-sdxl", LBW_12, SDXL)]
)
def test_a_list_for_a_plain_lora(kind: str, listed: str, tensors: dict[str, str]) -> None:
    blocks = listed.split()
    names = {f"{UNET}.{part}.{n}.1.proj_in.weight": f"{short}{n:02}" for part, short, n in _blocks(kind)}
    names |= tensors
    numbers = [number + 1 for number in range(len(blocks))]
    given = dict(zip(blocks, numbers, strict=True))
    plain = {name: block for name, block in names.items() if block in given}
    assert set(plain.values()) == set(blocks)
    found = values({"blocks": kind, "values": numbers}, plain)
    assert found == {name: given[block] for name, block in plain.items()}
    found = values({"blocks": kind, "values": numbers, "default": 0.5}, names)
    assert found == {name: given.get(block, 0.5) for name, block in names.items()}
    left_out = errors({"blocks": kind, "values": numbers}, names)
    assert {one.code for one in left_out} == {"MC0133"}
    assert len(left_out) == len(set(names.values()) - given.keys())
    assert all("`default: VALUE`" in (one.help or "") for one in left_out)


def _blocks(kind: str) -> list[tuple[str, str, int]]:
    count = 12 if kind == "lbw-sd1" else 9
    parts = [("input_blocks", "IN"), ("output_blocks", "OUT")]
    return [(part, short, number) for part, short in parts for number in range(count)]


@pytest.mark.parametrize(("kind", "like"), [("lbw-sd1", SD1), ("lbw-sdxl", SDXL), ("lbw-flux", FLUX)])
def test_a_list_of_all_blocks_is_that_of_a_merge(kind: str, like: dict[str, str]) -> None:
    numbers = list(range(len(BLOCK_MAPS[kind].blocks)))
    expected = values({"blocks": kind.removeprefix("lbw-"), "values": numbers}, like)
    assert values({"blocks": kind, "values": numbers}, like) == expected


def test_a_list_for_a_plain_lora_is_none_for_a_merge() -> None:
    (found,) = errors({"blocks": "sd1", "values": [0] * 17}, SD1)
    assert "takes 26 values, not 17" in found.message


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
        ({"blocks": "lbw-sd1", "values": [0] * 12}, "MC0131", "takes 26 or 17 values, not 12"),
        ({"blocks": "lbw-sdxl", "values": [0] * 17}, "MC0131", "takes 20 or 12 values, not 17"),
        ({"blocks": "lbw", "values": [0] * 17}, "MC0130", "`lbw`"),
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
