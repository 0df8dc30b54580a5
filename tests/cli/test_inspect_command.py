from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
from safetensors.numpy import save_file

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from click.testing import Result


def test_components_and_layers(mergec_command: Callable[..., Result], recipe: Path) -> None:
    path = recipe.parent / "base.safetensors"
    result = mergec_command("inspect", path)
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == (
        f"{path}: safetensors, 1 file, 5 tensors, 232 B\n"
        "  float32: 4 tensors, 224 B\n"
        "  int64: 1 tensor, 8 B\n"
        "  metadata: format=pt\n"
        "\n"
        "steps: 1 tensor, 8 B\n"
        "  steps  [1]  int64  8 B\n"
        "head: 1 tensor, 32 B\n"
        "  head.w  [8]  float32  32 B\n"
        "layers: 3 layers, 3 tensors, 192 B\n"
        "  layers.{0-2}.w  3 x [4, 4]  float32  192 B\n"
    )


def test_names_before_and_after_the_rules_of_a_recipe(
    mergec_command: Callable[..., Result], recipe: Path
) -> None:
    recipe.write_text(recipe.read_text().replace('{rest}"]', '{rest}"], drop: [module.steps]'))
    for named in ("tuned", "tuned.safetensors", str(recipe.parent / "tuned.safetensors")):
        text = mergec_command("inspect", named, "--recipe", recipe).stdout
        assert "  module.layers.{0-2}.w  ->  layers.{0-2}.w  3 x [4, 4]  float32\n" in text
        assert "  module.steps               left out" in text


def test_a_source_that_the_recipe_lacks(mergec_command: Callable[..., Result], recipe: Path) -> None:
    result = mergec_command("inspect", "tunde", "--recipe", recipe)
    assert result.exit_code == 2
    assert "did you mean `tuned`?" in result.stderr


def test_json(mergec_command: Callable[..., Result], recipe: Path) -> None:
    document = json.loads(mergec_command("inspect", "tuned", "--recipe", recipe, "--json").stdout)
    assert document["bytes"] == 232
    assert document["dtypes"] == {"float32": 4, "int64": 1}
    assert {"before": "module.head.w", "after": ["head.w"]} in document["renamed"]
    assert document["tensors"][0]["file"] == "tuned.safetensors"


def test_the_candidates_of_a_nested_file(mergec_command: Callable[..., Result], tmp_path: Path) -> None:
    import torch

    path = tmp_path / "training.pth"
    torch.save({"model": {"w": torch.ones(2)}, "ema": {"w": torch.ones(2)}}, path)
    result = mergec_command("inspect", path)
    assert result.exit_code == 1
    assert "`nest: model` or `nest: ema`" in result.stderr
    assert "--nest" in result.stderr
    assert mergec_command("inspect", path, "--nest", "ema").exit_code == 0


def test_hostile_names(mergec_command: Callable[..., Result], tmp_path: Path) -> None:
    path = tmp_path / "hostile.safetensors"
    save_file({"a\x1b[2J.0.[bold]": np.ones(1, np.float32)}, path, {"k\x07": "v\n"})
    text = mergec_command("inspect", path).stdout
    assert text.replace("\n", "").isprintable()
    assert "[bold]" in text


def test_a_missing_file(mergec_command: Callable[..., Result], tmp_path: Path) -> None:
    assert mergec_command("inspect", tmp_path / "none.safetensors").exit_code == 5


def test_each_part_of_a_tensor_has_a_line(mergec_command: Callable[..., Result], recipe: Path) -> None:
    rule = "{from: head.w, to: [head.a, head.b], split: {dim: 0}}"
    recipe.write_text(recipe.read_text().replace('{rest}"]', f'{{rest}}", {rule}]'))
    lines = mergec_command("inspect", "tuned", "--recipe", recipe).stdout.splitlines()
    at = next(i for i, line in enumerate(lines) if "->  head.a" in line)
    assert lines[at].split()[0] == "module.head.w"
    assert lines[at + 1].strip() == "head.b"


def test_a_path_that_is_not_there_says_nothing_of_recipes(mergec_command: Callable[..., Result]) -> None:
    result = mergec_command("inspect", "nowhere/at/all")
    assert result.exit_code == 5
    assert "has no `nowhere`\n" in result.stderr
