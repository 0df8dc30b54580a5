"""Every recipe of the repository: valid for editors, sound, planned as its golden says, and built right."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema
import numpy as np
import pytest
import torch
import yaml
from click.testing import CliRunner
from safetensors.torch import load_file

import mergec
from mergec.cli import main

if TYPE_CHECKING:
    from collections.abc import Callable

    Tensors = dict[str, torch.Tensor]

ROOT = Path(__file__).parents[2]
GOLDENS = Path(__file__).parent / "plans"
RECIPES = sorted(p.relative_to(ROOT / "recipes") for p in (ROOT / "recipes").glob("*/*.yaml"))

WARNED = {"aligned-resnet/recipe.yaml": ["MC0368"]}  # the mean of BatchNorm's statistics


def name_of(recipe: Path) -> str:
    return f"{recipe.parent}-{recipe.stem}"


def test_there_are_recipes() -> None:
    assert len(RECIPES) >= 16


@pytest.mark.parametrize("recipe", RECIPES, ids=name_of)
def test_recipe_says_what_it_is_for_and_names_its_schema(recipe: Path) -> None:
    first, second, *_ = (ROOT / "recipes" / recipe).read_text().splitlines()
    assert first == "# yaml-language-server: $schema=../../schemas/recipe.schema.json"
    assert second.startswith("# ")


@pytest.mark.parametrize("recipe", RECIPES, ids=name_of)
def test_recipe_is_valid_for_editors(recipe: Path) -> None:
    schema = json.loads((ROOT / "schemas" / "recipe.schema.json").read_text())
    text = (ROOT / "recipes" / recipe).read_text()
    jsonschema.validate(yaml.load(text, Loader=yaml.CSafeLoader), schema)  # noqa: TID251  # an oracle


@pytest.mark.parametrize("recipe", RECIPES, ids=name_of)
def test_recipe_checks_without_a_warning_that_is_not_meant(recipe: Path, copied: Path) -> None:
    loaded = mergec.load(copied / recipe)
    loaded.check()
    assert [warning.code for warning in loaded.warnings] == WARNED.get(str(recipe), [])


@pytest.mark.parametrize("recipe", RECIPES, ids=name_of)
def test_recipe_is_planned_as_before(
    recipe: Path, copied: Path, monkeypatch: pytest.MonkeyPatch, *, updates_goldens: bool
) -> None:
    monkeypatch.chdir(copied / recipe.parent)
    printed = CliRunner().invoke(main, ["plan", recipe.name, "--workers", "2", "--color", "never"])
    assert printed.exit_code == 0, printed.output
    golden = GOLDENS / f"{name_of(recipe)}.txt"
    if updates_goldens:
        golden.write_text(printed.stdout)
    assert printed.stdout == golden.read_text()


def test_every_golden_plan_has_its_recipe() -> None:
    assert sorted(p.stem for p in GOLDENS.glob("*.txt")) == sorted(map(name_of, RECIPES))


def built(copied: Path, recipe: str, **options: Any) -> Tensors:
    path = mergec.load(copied / recipe).build(out=copied / "out" / recipe.replace("/", "-"), **options).path
    return load_file(path / "model.safetensors")


def quickstart(name: str) -> Tensors:
    tensors = load_file(ROOT / "recipes" / "quickstart" / f"{name}.safetensors")
    return {key.removeprefix("module."): value for key, value in tensors.items()}


def mixed(*terms: tuple[float, torch.Tensor]) -> torch.Tensor:
    """A weighted sum in numpy, multiplied and added in float32."""
    total: Any = None
    for weight, tensor in terms:
        term = np.float32(weight) * tensor.float().numpy()
        total = term if total is None else total + term
    return torch.from_numpy(total)


def assert_equal(found: Tensors, expected: Callable[[str], torch.Tensor]) -> None:
    for name, tensor in found.items():
        wanted = expected(name)
        assert tensor.dtype == wanted.dtype, name
        assert torch.equal(tensor, wanted), name


def test_quickstart(copied: Path) -> None:
    low, high = quickstart("low-digits"), quickstart("high-digits")

    def expected(name: str) -> torch.Tensor:
        share = 0.5
        if name.startswith("blocks."):
            share = 0.6 + int(name.split(".")[1]) / 3 * (0.4 - 0.6)
        dtype = torch.float32 if name.endswith("norm.weight") else torch.bfloat16
        return mixed((share, high[name]), (1 - share, low[name])).to(dtype)

    assert_equal(built(copied, "quickstart/recipe.yaml"), expected)


def test_wise_ft(copied: Path) -> None:
    general, tuned = quickstart("base"), quickstart("low-digits")
    found = built(copied, "wise-ft/recipe.yaml")
    assert_equal(found, lambda name: mixed((0.5, general[name]), (0.5, tuned[name])))


def test_add_difference_in_both_forms(copied: Path) -> None:
    base, tuned, origin = quickstart("low-digits"), quickstart("high-digits"), quickstart("base")

    def expected(name: str) -> torch.Tensor:
        return mixed((1, base[name]), (0.8, tuned[name] - origin[name]))

    arithmetic = built(copied, "add-difference/recipe.yaml")
    assert_equal(arithmetic, expected)
    operations = built(copied, "add-difference/with-operations.yaml")
    assert {n: t.tolist() for n, t in arithmetic.items()} == {n: t.tolist() for n, t in operations.items()}


def test_block_weighted(copied: Path) -> None:
    weights = copied / "block-weighted" / "weights"
    composition, detail = (load_file(weights / f"{n}.safetensors") for n in ("composition", "detail"))
    found = built(copied, "block-weighted/recipe.yaml")
    unet = "model.diffusion_model"
    shares = {
        f"{unet}.time_embed.0.weight": 0.0,
        f"{unet}.input_blocks.2.0.in_layers.2.weight": 0.1,
        f"{unet}.middle_block.0.in_layers.2.weight": 0.5,
        f"{unet}.output_blocks.5.0.in_layers.2.weight": 0.8,
        f"{unet}.out.2.weight": 1.0,
        "first_stage_model.decoder.conv_in.weight": 0.0,
    }
    for name, t in shares.items():
        wanted = mixed((1 - t, composition[name]), (t, detail[name])).half()
        assert torch.equal(found[name], wanted), name


def test_assemble(copied: Path) -> None:
    found = built(copied, "assemble/recipe.yaml")
    prefixes = {name.split(".")[0] for name in found}
    assert prefixes == {"language_model", "vision_tower", "connector"}
    assert found["connector.0.weight"].shape == (48, 24)
    assert 0.01 < found["connector.0.weight"].float().std() < 0.03
    assert {t.dtype for n, t in found.items() if n.startswith("vision_tower.")} == {torch.float16}


def test_federated(copied: Path) -> None:
    clients = {"clinic": 150, "hospital": 600, "university": 1250}
    loaded = {
        name: torch.load(copied / "federated" / "weights" / f"{name}.pth", weights_only=True)  # noqa: TID251
        for name in clients
    }

    def expected(name: str) -> torch.Tensor:
        last: torch.Tensor = loaded["university"][name]
        if not last.is_floating_point():
            return last
        return mixed(*((samples / 2000, loaded[client][name]) for client, samples in clients.items()))

    assert_equal(built(copied, "federated/recipe.yaml"), expected)
