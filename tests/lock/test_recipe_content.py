from __future__ import annotations

import json
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import pytest

from mergec.diagnostics import Report, SourceText
from mergec.lock.canonical import canonical
from mergec.lock.recipe_content import recipe_content
from mergec.lock.yaml_text import yaml_text
from mergec.lower.bind import bind
from mergec.recipe.load import parse_recipe
from mergec.recipe.yaml_tree import plain, read_yaml
from tests.errors.recipes import OPERATIONS, recipe_with

if TYPE_CHECKING:
    from pathlib import Path

RECIPE = """
mergec: 1
sources: {a: a.safetensors, b: b.safetensors}
models:
  merged: {op: linear, inputs: {a: 0.5, b: {weight: rest}}}
output: {model: merged, path: out}
"""


def content(text: str, folder: Path, **overrides: str) -> dict[str, object]:
    report = Report()
    recipe = parse_recipe(SourceText("recipe.yaml", text), folder, overrides, report)
    return recipe_content(bind(recipe, report))


def digest(text: str, folder: Path, **overrides: str) -> str:
    return sha256(canonical(content(text, folder, **overrides))).hexdigest()


def test_the_form(tmp_path: Path) -> None:
    assert content(RECIPE, tmp_path) == {
        "mergec": 1,
        "sources": {"a": {"path": "a.safetensors"}, "b": {"path": "b.safetensors"}},
        "models": {"merged": {"op": "linear", "inputs": {"a": 0.5, "b": {"weight": "rest"}}}},
        "output": {"model": "merged", "path": "out"},
    }


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("mergec: 1", "# a comment\nmergec: 1\ndescription: what it is for"),
        ("a: a.safetensors", 'a: {path: "a.safetensors", kind: weights, drop: []}'),
        ("a: 0.5", "a: 5e-1"),
        ("a: 0.5", 'a: "${half}"'),
        ("op: linear", "normalize: false, op: linear"),
        ("models:", "models:\n  unused: a - b"),
        ("path: out", "path: out, max_shard_size: 5GB, kind: weights"),
        ("{a: a.safetensors, b: b.safetensors}", "{b: b.safetensors, a: a.safetensors}"),
    ],
)
def test_how_it_is_said_does_not_matter(tmp_path: Path, old: str, new: str) -> None:
    text = RECIPE.replace(old, new)
    if "${" in new:
        text += "params: {half: 0.5}\n"
    assert digest(text, tmp_path) == digest(RECIPE, tmp_path)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("a: 0.5", "a: 0.5000000001"),
        ("a: 0.5, b: {weight: rest}", "b: {weight: rest}, a: 0.5"),
        ("a: a.safetensors", "a: {path: a.safetensors, keep: ['*']}"),
        ("a: a.safetensors", "a: c.safetensors"),
        ("path: out", "path: out, dtype: bfloat16"),
        ("path: out", "path: out, max_shard_size: 1GB"),
        ("model: merged", "model: a"),
    ],
)
def test_what_it_says_does(tmp_path: Path, old: str, new: str) -> None:
    assert digest(RECIPE.replace(old, new), tmp_path) != digest(RECIPE, tmp_path)


def test_parameters_are_filled_in(tmp_path: Path) -> None:
    text = RECIPE.replace("a: 0.5", 'a: "${share}"') + "params: {share: 0.1}\n"
    assert digest(text, tmp_path, share="0.5") == digest(RECIPE, tmp_path)
    assert digest(text, tmp_path) != digest(RECIPE, tmp_path)


@pytest.mark.parametrize("operation", OPERATIONS)
def test_every_operation_has_a_form_that_yaml_can_hold(operation: str, tmp_path: Path) -> None:
    document: dict[str, Any] = recipe_with(operation, OPERATIONS[operation])
    (tmp_path / "style").mkdir()  # files for the output are taken from there
    found = content(json.dumps(document), tmp_path)
    back = plain(read_yaml(SourceText("content", yaml_text(found))))
    assert canonical(back) == canonical(found)
    models = found["models"]
    assert isinstance(models, dict)
    assert models["merged"]["op"] == operation
    # The form is one itself: what it is made of is said in no shorter way.
    again = {"params": {"alpha": 0.4}, **document, "models": {**document["models"], **models}}
    assert content(json.dumps(again), tmp_path)["models"] == models
