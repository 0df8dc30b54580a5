"""Weights of blocks give the values that the modes' formulas demand, block by block."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

import mergec
from mergec.diagnostics import MergecError, Report, SourceText
from mergec.importing.block_modes import normal_name
from mergec.importing.blocks_import import BlockMerge
from mergec.importing.imported import block_recipe
from tests.conftest import read_file, write_checkpoint

if TYPE_CHECKING:
    from pathlib import Path

    from tests.importing.conftest import Values

UNET = "model.diffusion_model"
# A tensor of each kind, with its block.
SD1 = {
    f"{UNET}.time_embed.0.weight": "IN00",
    f"{UNET}.input_blocks.0.0.weight": "IN00",
    f"{UNET}.input_blocks.4.1.transformer_blocks.0.attn1.to_q.weight": "IN04",
    f"{UNET}.input_blocks.4.1.transformer_blocks.0.attn2.to_q.weight": "IN04",
    f"{UNET}.input_blocks.11.0.in_layers.0.weight": "IN11",
    f"{UNET}.middle_block.1.proj_in.weight": "M00",
    f"{UNET}.output_blocks.3.1.transformer_blocks.0.attn2.to_k.weight": "OUT03",
    f"{UNET}.output_blocks.4.1.transformer_blocks.0.norm1.weight": "OUT04",
    f"{UNET}.output_blocks.11.1.proj_out.weight": "OUT11",
    f"{UNET}.out.2.weight": "OUT11",
    "cond_stage_model.transformer.text_model.final_layer_norm.weight": "BASE",
    "first_stage_model.encoder.mid.attn_1.proj_out.weight": "BASE",
    "betas": "",
}
SDXL = {
    f"{UNET}.label_emb.0.0.weight": "IN00",
    f"{UNET}.input_blocks.8.1.proj_in.weight": "IN08",
    f"{UNET}.middle_block.0.in_layers.0.weight": "M00",
    f"{UNET}.output_blocks.8.0.skip_connection.weight": "OUT08",
    f"{UNET}.out.0.bias": "OUT08",
    "conditioner.embedders.0.transformer.text_model.final_layer_norm.weight": "BASE",
}
FLUX = {
    "double_blocks.3.img_attn.qkv.weight": "D03",
    "single_blocks.37.linear1.weight": "S37",
    "img_in.weight": "IN",
    "final_layer.linear.weight": "OUT",
    "text_encoders.t5xxl.transformer.shared.weight": "T5",
}
SD1_BLOCKS = ["BASE", *(f"IN{n:02}" for n in range(12)), "M00", *(f"OUT{n:02}" for n in range(12))]
SDXL_BLOCKS = ["BASE", *(f"IN{n:02}" for n in range(9)), "M00", *(f"OUT{n:02}" for n in range(9))]
NUMBERS = [round(0.03 * n, 2) for n in range(1, 27)]


class BlockBench:
    """Three models of one kind, and weights to merge them with."""

    def __init__(self, folder: Path, names: dict[str, str]) -> None:
        """Write the models."""
        self.folder, self.blocks = folder, names
        self.report = Report()
        self.models: dict[str, Values] = {}
        for seed, model in enumerate("abc"):
            random = np.random.default_rng(seed)
            tensors = {name: random.standard_normal((3, 2)).astype(np.float32) for name in names}
            self.models[model] = tensors
            integers = (
                {"cond_stage_model.position_ids": np.full(2, seed, np.int64)} if "betas" in names else {}
            )
            write_checkpoint(folder / f"{model}.safetensors", {**tensors, **integers})

    def recipe(self, weights: str, **more: object) -> str:
        """The text of the recipe."""
        files = {"base": "a.safetensors", "other": "b.safetensors", "third": "c.safetensors"}
        models = BlockMerge(**{**files, **more})  # type: ignore[arg-type]
        return block_recipe(SourceText("WEIGHTS", weights), models, self.folder, self.report)

    def built(self, weights: str, **more: object) -> Values:
        """The float tensors that the recipe makes."""
        file = self.folder / "recipe.yaml"
        file.write_text(self.recipe(weights, **more))
        made = mergec.load(file).build(workers=1, force=True)
        return {name: tensor.values for name, tensor in read_file(made.path).items() if name in self.blocks}

    def assert_sum(self, found: Values, shares: dict[str, list[float]]) -> None:
        """Assert that each tensor is the sum of models times what is listed for each, in order."""
        assert found.keys() == self.blocks.keys()
        for at, name in enumerate(self.blocks):
            wanted = sum(
                share[at] * self.models[model][name].astype(np.float64) for model, share in shares.items()
            )
            np.testing.assert_allclose(found[name], wanted, rtol=1e-5, atol=1e-6, err_msg=name)

    def weights(self, by_block: dict[str, float], others: float = 0.0) -> list[float]:
        """The weight of each tensor."""
        return [by_block.get(block, others) if block else 0.0 for block in self.blocks.values()]

    def assert_between(self, found: Values, weights: list[float]) -> None:
        """Assert that each tensor is (1 - w) a + w b."""
        self.assert_sum(found, {"a": [1 - one for one in weights], "b": weights})


@pytest.fixture
def sd1(tmp_path: Path) -> BlockBench:
    return BlockBench(tmp_path, SD1)


@pytest.fixture
def sdxl(tmp_path: Path) -> BlockBench:
    return BlockBench(tmp_path, SDXL)


def line(numbers: list[float]) -> str:
    return ",".join(map(str, numbers))


def test_26_numbers_are_for_a_model_of_version_1(sd1: BlockBench) -> None:
    by_block = dict(zip(SD1_BLOCKS, NUMBERS, strict=True))
    sd1.assert_between(sd1.built(line(NUMBERS)), sd1.weights(by_block))


def test_25_numbers_lack_the_one_before_them(sd1: BlockBench) -> None:
    by_block = dict(zip(SD1_BLOCKS, [0.9, *NUMBERS[:25]], strict=True))
    sd1.assert_between(sd1.built(line(NUMBERS[:25]), alpha=0.9), sd1.weights(by_block))


@pytest.mark.parametrize("count", [20, 21])
def test_20_or_21_numbers_are_for_xl(sdxl: BlockBench, count: int) -> None:
    by_block = dict(zip(SDXL_BLOCKS, NUMBERS[:20], strict=True))
    sdxl.assert_between(sdxl.built(line(NUMBERS[:count])), sdxl.weights(by_block))


def test_26_numbers_can_be_meant_for_xl(sdxl: BlockBench) -> None:
    by_block = dict(zip(SD1_BLOCKS, NUMBERS, strict=True))
    found = sdxl.built(line(NUMBERS), block_map="sdxl")
    sdxl.assert_between(found, sdxl.weights(by_block))


def test_61_numbers_are_for_flux(tmp_path: Path) -> None:
    flux = BlockBench(tmp_path, FLUX)
    numbers = [n / 100 for n in range(61)]
    names = ["CLIP", "T5", "IN", *(f"D{n:02}" for n in range(19)), *(f"S{n:02}" for n in range(38)), "OUT"]
    flux.assert_between(flux.built(line(numbers)), flux.weights(dict(zip(names, numbers, strict=True))))


def test_a_preset_has_a_name_in_any_case(sd1: BlockBench) -> None:
    weights = sd1.weights({block: float(block == "M00" or block.startswith("OUT")) for block in SD1_BLOCKS})
    weights = [0.5 if block == "M00" else one for block, one in zip(SD1.values(), weights, strict=True)]
    sd1.assert_between(sd1.built("out12_5"), weights)


def test_one_number_is_for_all(sd1: BlockBench) -> None:
    sd1.assert_between(sd1.built("0.25"), [0.25] * len(SD1))
    assert "blocks:" not in sd1.recipe("0.25")


@pytest.mark.parametrize("mode", ["Triple sum", "tripleSum", "triple_sum"])
def test_triple_sum(sd1: BlockBench, mode: str) -> None:
    alpha = sd1.weights(dict(zip(SD1_BLOCKS, NUMBERS, strict=True)))
    found = sd1.built(line(NUMBERS), mode=mode, beta="0.2")
    sd1.assert_sum(found, {"a": [0.8 - one for one in alpha], "b": alpha, "c": [0.2] * len(SD1)})


def test_sum_twice(sd1: BlockBench) -> None:
    alpha = sd1.weights(dict(zip(SD1_BLOCKS, NUMBERS, strict=True)))
    beta = sd1.weights(dict(zip(SD1_BLOCKS, NUMBERS[::-1], strict=True)))
    found = sd1.built(line(NUMBERS), mode="Sum twice", beta=line(NUMBERS[::-1]))
    shares = {
        "a": [(1 - y) * (1 - x) for x, y in zip(alpha, beta, strict=True)],
        "b": [(1 - y) * x for x, y in zip(alpha, beta, strict=True)],
        "c": beta,
    }
    sd1.assert_sum(found, shares)


def test_add_difference(sd1: BlockBench) -> None:
    alpha = sd1.weights(dict(zip(SD1_BLOCKS, NUMBERS, strict=True)))
    found = sd1.built(line(NUMBERS), mode="Add difference")
    sd1.assert_sum(found, {"a": [1.0] * len(SD1), "b": alpha, "c": [-one for one in alpha]})


def test_a_mode_may_be_the_name_of_an_operation(sd1: BlockBench) -> None:
    found = sd1.built("0.1", mode="nearswap", third=None)
    for name, tensor in found.items():
        a, b = (sd1.models[model][name].astype(np.float64) for model in "ab")
        np.testing.assert_allclose(tensor, a + np.clip(b - a, -0.1, 0.1), rtol=1e-6, atol=1e-7)
    for other in ("ties", "passthrough", "cosineX"):
        with pytest.raises(MergecError, match="MC0841"):
            sd1.recipe("0.1", mode=other)


MODES = [
    *("Weight sum", "Add difference", "Triple sum", "sum Twice", "trainDifference"),
    *("extract", "tensor", "cosineA", "cosineB", "smoothAdd"),
]


@pytest.mark.parametrize("mode", MODES)
def test_modes_of_supermerger_are_sound(sd1: BlockBench, mode: str) -> None:
    assert len(sd1.built(line(NUMBERS), mode=mode, beta="0.2")) == len(SD1)


class TestElementalLines:
    def test_the_last_line_that_fits_wins(self, sd1: BlockBench) -> None:
        text = f"{line(NUMBERS)}\n# remark\nIN04 OUT03-OUT05:attn2 norm1:0.9\n:attn2:0.8\nOUT11 BASE::0.7\n"
        by_block = dict(zip(SD1_BLOCKS, NUMBERS, strict=True))
        weights = sd1.weights(by_block)
        for at, (name, block) in enumerate(SD1.items()):
            if block in {"OUT11", "BASE"}:
                weights[at] = 0.7
            elif "attn2" in name:
                weights[at] = 0.8
            elif "norm1" in name:
                weights[at] = 0.9
        sd1.assert_between(sd1.built(text), weights)

    def test_all_blocks_but_some(self, sd1: BlockBench) -> None:
        found = sd1.built("0\nNOT IN00-IN04 M00 BASE::1\n")
        chosen = {"IN11", "OUT03", "OUT04", "OUT11"}
        sd1.assert_between(found, [float(block in chosen) for block in SD1.values()])

    def test_a_line_for_everything_hides_those_before_it(self, sd1: BlockBench) -> None:
        sd1.assert_between(sd1.built("IN04::1\n::0.25\n", alpha=0.5), [0.25] * len(SD1))

    def test_blocks_of_flux(self, tmp_path: Path) -> None:
        flux = BlockBench(tmp_path, FLUX)
        found = flux.built("0\nIN D00-S37::1\nT5:shared:0.5\n", block_map="flux")
        flux.assert_between(found, [1, 1, 1, 0, 0.5])

    def test_blocks_of_xl(self, sdxl: BlockBench) -> None:
        found = sdxl.built("0\nIN00 OUT08::1\nBASE:norm:0.5\n", block_map="sdxl")
        sdxl.assert_between(found, [1, 0, 0, 1, 1, 0.5])

    def test_what_a_name_lacks_cannot_be_said(self, sd1: BlockBench) -> None:
        recipe = sd1.recipe("0.5\nOUT03:NOT attn2:0.1\n")
        assert [one.code for one in sd1.report.diagnostics] == ["MC0842"]
        assert "# - line 2: `OUT03:NOT attn2:0.1`: patterns say" in recipe
        assert "graft" not in recipe


@pytest.mark.parametrize(("numbers", "block_map"), [(12, "lbw-sdxl"), (17, "lbw-sd1")])
def test_12_or_17_numbers_are_for_an_adapter(sd1: BlockBench, numbers: int, block_map: str) -> None:
    recipe = sd1.recipe(line([0.5] * numbers), third=None)
    assert f"blocks: {block_map}" in recipe
    assert "op: lora" in recipe


def test_an_adapter_is_as_strong_as_its_blocks_say(sd1: BlockBench) -> None:
    modules = {
        "input_blocks_4_1_transformer_blocks_0_attn1_to_q": "IN04",
        "output_blocks_3_1_transformer_blocks_0_attn2_to_k": "OUT03",
    }
    random = np.random.default_rng(5)
    factors: Values = {}
    for module in modules:
        factors[f"lora_unet_{module}.lora_down.weight"] = random.standard_normal((1, 2)).astype(np.float32)
        factors[f"lora_unet_{module}.lora_up.weight"] = random.standard_normal((3, 1)).astype(np.float32)
        factors[f"lora_unet_{module}.alpha"] = np.array(0.5, np.float32)
    write_checkpoint(sd1.folder / "style.safetensors", factors)
    numbers = [n / 10 for n in range(17)]
    found = sd1.built(line(numbers), other="style.safetensors", third=None)
    strengths = {"IN04": numbers[3], "OUT03": numbers[8]}
    for name, values in found.items():
        wanted = sd1.models["a"][name].astype(np.float64)
        for module, block in modules.items():
            if name == f"{UNET}.{module_name(module)}.weight":
                up, down = (factors[f"lora_unet_{module}.lora_{one}.weight"] for one in ("up", "down"))
                wanted = wanted + strengths[block] * 0.5 * (up.astype(np.float64) @ down)
        np.testing.assert_allclose(values, wanted, rtol=1e-6, atol=1e-7, err_msg=name)


def module_name(flat: str) -> str:
    """The name of a module whose dots were written as underscores."""
    (name,) = (
        one for one in SD1 if one.startswith(UNET) and one[len(UNET) + 1 : -7].replace(".", "_") == flat
    )
    return name[len(UNET) + 1 : -7]


def test_other_lists_are_for_an_adapter_where_the_mode_says_so(sd1: BlockBench) -> None:
    assert "blocks: lbw-flux" in sd1.recipe(line([0.5] * 61), third=None, mode="LORA")
    assert "adapters: {b: 0.7}" in sd1.recipe("0.7", third=None, mode="lora")


@pytest.mark.parametrize(
    ("weights", "more", "problem"),
    [
        ("", {}, "there are none"),
        ("1,2,x", {}, "found `x`"),
        ("1,,2", {}, "nothing between two commas"),
        ("1,nan", {}, "found `nan`"),
        ("GRAD_X", {}, "no preset is called `GRAD_X`"),
        ("0.1\n0.2", {}, "a second line"),
        ("::1", {}, "there are none"),
        ("1\nIN99::1", {}, "no block `IN99`"),
        ("1\nNOT BASE-OUT11::1", {}, "no blocks at all"),
        ("1\na:b:c:d", {}, "found 3"),
        ("1\n::inf", {}, "found `inf`"),
        ("1,2,3", {"block_map": "sdxl"}, "no list of 3 blocks"),
        (line(NUMBERS), {"mode": "sum twice", "third": None}, "merges three models"),
        (line(NUMBERS), {"mode": "sum twice"}, "has two weights"),
        ("0.5", {"beta": "1,2"}, "2 numbers"),
        (line(NUMBERS), {"alpha": 0.5}, "leave nothing to `--alpha`"),
    ],
)
def test_what_are_no_weights_is_refused(
    sd1: BlockBench, weights: str, more: dict[str, object], problem: str
) -> None:
    with pytest.raises(MergecError) as caught:
        sd1.recipe(weights, **more)
    assert [one.code for one in caught.value.errors] == ["MC0844"]
    assert problem in caught.value.errors[0].message


def test_names_of_modes_are_written_in_several_ways() -> None:
    names = ["Train Difference", "trainDifference", "train-difference", " train difference"]
    assert {normal_name(one) for one in names} == {"train_difference"}
    assert normal_name("cosineA") == "cosine_a"
