from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

import mergec
from tests.conftest import write_checkpoint

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from click.testing import Result

CONFIGURATION = """\
slices:
  - sources:
      - {model: one, layer_range: [0, 2]}
      - {model: two, layer_range: [0, 2]}
merge_method: linear
parameters: {weight: 1}
tokenizer_source: union
"""


@pytest.fixture
def configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A configuration of mergekit in the working directory, and its models."""
    for value, name in enumerate(("one", "two")):
        layers = {f"model.layers.{n}.w": np.full((2, 2), value, np.float32) for n in range(2)}
        write_checkpoint(tmp_path / name / "model.safetensors", layers)
    (tmp_path / "merge.yml").write_text(CONFIGURATION)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_recipe_goes_to_stdout(configuration: Path, mergec_command: Callable[..., Result]) -> None:
    result = mergec_command("import", "merge.yml")
    assert result.exit_code == 0
    assert result.stdout.startswith("# Imported from merge.yml, a configuration of mergekit.\nmergec: 1\n")
    assert result.stderr.startswith("warning[MC0842]: a tokenizer of all models together is not carried over")
    assert "op: layers" not in result.stdout, "the model has two layers"
    (configuration / "recipe.yaml").write_text(result.stdout)
    assert mergec.load("recipe.yaml").check() is not None


def test_the_recipe_goes_where_it_is_wanted(
    configuration: Path, mergec_command: Callable[..., Result]
) -> None:
    (configuration / "recipes").mkdir()
    result = mergec_command("import", "merge.yml", "-o", "recipes/it.yaml", "--quiet")
    assert (result.exit_code, result.stdout, result.stderr) == (0, "recipes/it.yaml\n", "")
    recipe = configuration / "recipes" / "it.yaml"
    assert "one: ../one" in recipe.read_text()
    assert mergec.load(recipe).check() is not None


def test_nothing_is_overwritten(configuration: Path, mergec_command: Callable[..., Result]) -> None:
    (configuration / "recipe.yaml").write_text("mine")
    result = mergec_command("import", "merge.yml", "--output", "recipe.yaml")
    assert result.exit_code == 6
    assert "error[MC0845]" in result.stderr
    assert (configuration / "recipe.yaml").read_text() == "mine"


def test_models_beside_the_file_are_found(
    configuration: Path, mergec_command: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    (configuration / "elsewhere").mkdir()
    monkeypatch.chdir(configuration / "elsewhere")
    result = mergec_command("import", "../merge.yml", "--quiet")
    assert "one: ../one" in result.stdout
    assert "guess" not in result.stdout


def test_lists_of_layers_can_be_named(configuration: Path, mergec_command: Callable[..., Result]) -> None:
    (configuration / "merge.yml").write_text(CONFIGURATION.replace("model: ", "model: x/"))
    result = mergec_command("import", "merge.yml", "--layers", "transformer.h", "--quiet")
    assert '"transformer.h.[0:2]"' in result.stdout
    for wrong in ("", "=x", "x="):
        result = mergec_command("import", "merge.yml", "--layers", wrong)
        assert result.exit_code == 2
        assert "expected a name such as model.layers" in result.stderr


def test_weights_of_blocks_are_given_as_they_are_or_in_a_file(
    configuration: Path, mergec_command: Callable[..., Result]
) -> None:
    models = ["--base", "a.safetensors", "--other", "b.safetensors"]
    given = mergec_command("import", "GRAD_V", *models)
    (configuration / "weights.txt").write_text("GRAD_V\n")
    assert mergec_command("import", "weights.txt", *models).stdout == given.stdout
    assert "from: a\n    to: b\n" in given.stdout
    assert mergec_command("import", "-0.5", *models).exit_code == 2, "an option, by its looks"
    assert "t: -0.5" in mergec_command("import", *models, "--", "-0.5").stdout


@pytest.mark.parametrize("given", [["--base", "a"], ["--other", "b"], ["--alpha", "1"], ["--blocks", "sd1"]])
def test_weights_need_two_models(
    configuration: Path, mergec_command: Callable[..., Result], given: list[str]
) -> None:
    assert configuration.exists()
    result = mergec_command("import", "GRAD_V", *given)
    assert result.exit_code == 2
    assert "block weights need both --base and --other" in result.stderr


def test_a_file_that_is_not_there_is_told(configuration: Path, mergec_command: Callable[..., Result]) -> None:
    assert configuration.exists()
    for arguments in (["no.yml"], ["no.txt", "--base", "a", "--other", "b"]):
        result = mergec_command("import", *arguments)
        assert result.exit_code == 5
        assert "error[MC0107]" in result.stderr


def test_files_hold_letters_of_any_language(
    configuration: Path, mergec_command: Callable[..., Result]
) -> None:
    name = "modèle 漢\u202e"
    (configuration / "merge.yml").write_text(CONFIGURATION.replace("one", f'"{name}"'), "utf-8")
    result = mergec_command("import", "merge.yml", "-o", "recipe.yaml")
    assert result.exit_code == 0
    text = (configuration / "recipe.yaml").read_text("utf-8")
    assert all(char.isprintable() or char == "\n" for char in text)
    assert mergec_command("check", "recipe.yaml").exit_code == 5, "the path arrives as it was"
