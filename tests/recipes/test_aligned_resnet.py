"""The second ResNet with its channels in the order of the first: the same function, and the recipe's mean."""

from __future__ import annotations

import runpy
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

import mergec

if TYPE_CHECKING:
    from pathlib import Path

    Tensors = dict[str, torch.Tensor]


@pytest.fixture(scope="module")
def recipe(copied: Path) -> Path:
    return copied / "aligned-resnet"


@pytest.fixture(scope="module")
def sources(recipe: Path) -> tuple[Tensors, Tensors]:
    first, second = (load_file(recipe / "weights" / f"{name}.safetensors") for name in ("first", "second"))
    return first, second


@pytest.fixture(scope="module")
def aligned(recipe: Path) -> Tensors:
    """What the recipe makes of the second network alone."""
    text = (recipe / "recipe.yaml").read_text()
    other = recipe / "aligned.yaml"
    other.write_text(text.replace("model: merged", "model: aligned"))
    return load_file(mergec.load(other).build(out=recipe / "aligned.safetensors").path)


@torch.inference_mode()
def scores(recipe: Path, tensors: Tensors) -> torch.Tensor:
    script = runpy.run_path(str(recipe / "make_weights.py"))
    model: Any = script["ResNet"]().double().eval()
    model.load_state_dict(tensors)
    found: torch.Tensor = model(script["digits"]()[0].double())
    return found


def test_it_computes_what_the_second_network_computes(
    recipe: Path, sources: tuple[Tensors, Tensors], aligned: Tensors
) -> None:
    moved = [name for name, tensor in aligned.items() if not torch.equal(tensor, sources[1][name])]
    assert {"conv1.weight", "layer1.1.bn2.running_var", "layer2.0.downsample.1.running_mean"} <= set(moved)
    found, wanted = scores(recipe, aligned), scores(recipe, sources[1])
    assert float((found - wanted).abs().max() / wanted.abs().max()) < 1e-12


def test_every_value_is_moved_and_none_changed(sources: tuple[Tensors, Tensors], aligned: Tensors) -> None:
    assert aligned.keys() == sources[1].keys()
    for name, tensor in aligned.items():
        wanted = sources[1][name]
        assert tensor.dtype == wanted.dtype
        assert torch.equal(tensor.flatten().sort().values, wanted.flatten().sort().values), name


def test_it_is_nearer_to_the_first_network(sources: tuple[Tensors, Tensors], aligned: Tensors) -> None:
    first, second = sources

    def distance(tensors: Tensors) -> float:
        # The running statistics move with their channels, and are not what is matched.
        names = [name for name in first if name.endswith(("weight", "bias"))]
        return sum(float((first[name].double() - tensors[name].double()).square().sum()) for name in names)

    assert distance(aligned) < 0.9 * distance(second)


def test_the_recipe_is_the_mean(recipe: Path, sources: tuple[Tensors, Tensors], aligned: Tensors) -> None:
    made = mergec.load(recipe / "recipe.yaml").build(out=recipe / "merged.safetensors")
    assert [warning.code for warning in made.warnings] == ["MC0368"]
    for name, tensor in load_file(made.path).items():
        first, second = sources[0][name], aligned[name]
        if tensor.is_floating_point():
            np.testing.assert_allclose(tensor, (first.double() + second.double()) / 2, rtol=1e-6, atol=1e-9)
        else:
            assert torch.equal(tensor, first), name
