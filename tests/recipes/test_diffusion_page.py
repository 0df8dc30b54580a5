"""docs/diffusion.md: its recipes, built on tiny models with the names of Stable Diffusion 1."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

import mergec
from mergec.methods.registry import method_names
from tests.conftest import read_file, write_checkpoint
from tests.methods.oracles.likeness import cosine_of_model

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import Array

PAGE = (Path(__file__).parents[2] / "docs/diffusion.md").read_text()
RECIPES = dict(re.findall(r"<!-- recipe: (\S+) -->\n```yaml\n(.*?)```", PAGE, re.DOTALL))
UNET = "model.diffusion_model"
FIRST = f"{UNET}.input_blocks.0.0.weight"
# The weights of the page, and its lines as SuperMerger reads them: the last one that fits wins.
WEIGHTS = [0, 0, 0, 0.1, 0.1, 0.2, 0.2, 0.3, 0.3, 0.4, 0.4, 0.5, 0.5, 0.5, 0.5, 0.6, 0.6, 0.7, 0.7,
           0.8, 0.8, 0.9, 0.9, 1, 1, 1]  # fmt: skip
LINES = [
    ([f"output_blocks.{block}." for block in range(3, 7)], ["attn2", "attn1.to_out"], 0.5),
    ([""], ["ff.net"], 0.25),
]


def modules() -> Iterator[str]:
    """One or more modules of every block, with the elements that lines choose from."""
    yield f"{UNET}.time_embed.0"
    for block in range(12):
        yield f"{UNET}.input_blocks.{block}.0.in_layers.2" if block else FIRST.removesuffix(".weight")
        yield f"{UNET}.output_blocks.{block}.0.in_layers.2"
    layers = [f"{UNET}.middle_block.1", *(f"{UNET}.output_blocks.{block}.1" for block in range(3, 12))]
    for layer in layers:
        for element in ("attn1.to_q", "attn1.to_out.0", "attn2.to_k", "attn2.to_out.0", "ff.net.2"):
            yield f"{layer}.transformer_blocks.0.{element}"
    yield f"{UNET}.out.2"
    yield "first_stage_model.decoder.conv_in"
    yield "cond_stage_model.transformer.text_model.encoder.layers.0.mlp.fc1"


def model(seed: int, channels: int = 4) -> dict[str, Array]:
    rng = np.random.default_rng(seed)
    tensors = {f"{module}.weight": rng.normal(size=(3, 2)).astype(np.float32) for module in modules()}
    return {**tensors, FIRST: rng.normal(size=(3, channels, 2, 2)).astype(np.float32)}


MODELS = {"a": model(1), "b": model(2), "c": model(3), "inpainting": model(4, channels=9)}


def built(name: str, folder: Path) -> dict[str, Array]:
    for source, tensors in MODELS.items():
        write_checkpoint(folder / f"{source}.safetensors", tensors)
    (folder / "recipe.yaml").write_text(RECIPES[name])
    made = mergec.load(folder / "recipe.yaml").build(workers=1)
    return {tensor: value.values for tensor, value in read_file(made.path).items()}


def assert_made(made: dict[str, Array], wanted: dict[str, Array]) -> None:
    assert made.keys() == wanted.keys()
    for name, values in made.items():
        assert values.dtype == np.float16
        np.testing.assert_allclose(values, wanted[name].astype(np.float16), rtol=2e-3, err_msg=name)


def block_of(name: str) -> int:
    """The place of a tensor's block in a list of 26, by SuperMerger's names."""
    found = re.search(r"(input|output)_blocks\.(\d+)\.", name)
    if found:
        return int(found[2]) + {"input": 1, "output": 14}[found[1]]
    ends = {"time_embed": 1, "middle_block": 13, "out": 25}
    return next((at for part, at in ends.items() if name.startswith(f"{UNET}.{part}.")), 0)


def element_ratio(name: str) -> float | None:
    ratios = [
        ratio
        for blocks, elements, ratio in LINES
        if any(one in name for one in blocks) and any(one in name for one in elements)
    ]
    return ratios[-1] if ratios else None


def test_every_recipe_is_tested() -> None:
    assert PAGE.count("```yaml\n") == len(RECIPES)
    assert sorted(RECIPES) == ["blocks", "elements", "inpainting", "likeness", "schedule"]


def test_every_operation_is_one() -> None:
    table = PAGE.split("## Block weights")[0]
    named = set(re.findall(r"`([a-z]+_[a-z_]+|extract|crossover|perpendicular)`", table))
    assert len(named) > 12
    assert named <= set(method_names())


@pytest.mark.parametrize("has_lines", [False, True])
def test_block_weights_and_elemental_lines(tmp_path: Path, has_lines: bool) -> None:  # noqa: FBT001
    made = built("elements" if has_lines else "blocks", tmp_path)
    a, b = MODELS["a"], MODELS["b"]
    wanted = {}
    for name in a:
        ratio = element_ratio(name) if has_lines else None
        share = WEIGHTS[block_of(name)] if ratio is None else ratio
        wanted[name] = (1 - share) * a[name] + share * b[name]
    assert_made(made, wanted)
    assert len({block_of(name) for name in a}) == len(WEIGHTS)
    assert {element_ratio(name) for name in a} == {None, 0.25, 0.5}


def test_ratios_by_pattern(tmp_path: Path) -> None:
    a, b, c = (MODELS[name] for name in "abc")
    wanted = {}
    for name in a:
        ratio = element_ratio(name)
        alpha = (0.8 if "output_blocks" in name else 0.3) if ratio is None else ratio
        wanted[name] = a[name] + alpha * (b[name] - c[name])
    assert_made(built("schedule", tmp_path), wanted)


def test_an_inpainting_model_gets_a_style(tmp_path: Path) -> None:
    special, style, plain = (MODELS[name] for name in ("inpainting", "b", "a"))
    wanted = {name: special[name] + (style[name] - plain[name]) for name in plain if name != FIRST}
    first = special[FIRST].copy()
    first[:, :4] += style[FIRST] - plain[FIRST]
    assert_made(built("inpainting", tmp_path), {**wanted, FIRST: first})


def test_likeness_is_measured_without_the_image_decoder(tmp_path: Path) -> None:
    a, b = ({n: t for n, t in MODELS[name].items() if not n.startswith("first_stage")} for name in "ab")
    kept = {name: tensor for name, tensor in MODELS["a"].items() if name not in a}
    assert_made(built("likeness", tmp_path), {**cosine_of_model(a, b, alpha=0.2, kind="a"), **kept})
