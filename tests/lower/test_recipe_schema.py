from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from mergec.diagnostics import MergecError, Report, SourceText
from mergec.lower.bind import bind, operations
from mergec.lower.recipe_schema import recipe_schema
from mergec.recipe.load import parse_recipe
from mergec.recipe.yaml_tree import plain, read_yaml

ROOT = Path(__file__).parents[2]
RECIPES = sorted((ROOT / "recipes").rglob("*.yaml"))
SCHEMA = recipe_schema()

HEAD = "mergec: 1\nsources: {a: a.safetensors, b: b.safetensors}\n"


def with_model(model: str, head: str = HEAD) -> str:
    return f"{head}models:\n  m: {model}\noutput: {{model: m, path: out}}\n"


GOOD = [
    f"{HEAD}output: {{model: a, path: out}}\n",
    f"{HEAD}output: {{model: a, path: out, copy_files_from: b}}\n",
    f"{HEAD}output: {{model: a, path: out, copy_files_from: [b, ../files]}}\n",
    with_model("a + 0.5 * (b - a)"),
    with_model("{op: linear, inputs: {a: 0.5, b: rest}}"),
    with_model("{op: linear, inputs: {a: {weight: {'**': [0, 1]}}, b: rest}, normalize: true}"),
    with_model("{op: interpolate, from: a, to: b, t: {blocks: sd1, values: {M00: 1}, default: 0}}"),
    with_model(
        "{op: init, seed: '${s}', tensors: {w: {shape: [2], fill: ones}}}", f"{HEAD}params: {{s: 3}}\n"
    ),
    with_model("{op: cast, model: a, dtype: {'**': float16}}"),
    with_model("{op: graft, into: a, from: b, take: ['**'], rename: ['x -> y']}"),
    with_model("{op: graft, into: a, from: b, component: vision_tower}"),
]
BAD = [
    "mergec: 2\nsources: {a: a}\noutput: {model: a, path: o}\n",
    "sources: {a: a}\noutput: {model: a, path: o}\n",
    "mergec: 1\nsources: {}\noutput: {model: a, path: o}\n",
    "mergec: 1\nsources: {a: {path: ''}}\noutput: {model: a, path: o}\n",
    "mergec: 1\nsources: {a: {path: a, renames: []}}\noutput: {model: a, path: o}\n",
    f"{HEAD}output: {{model: a}}\n",
    f"{HEAD}output: {{model: a, path: o, shards: 2}}\n",
    f"{HEAD}output: {{model: a, path: o, kind: adapter}}\n",
    f"{HEAD}output: {{model: a, path: o, copy_files_from: []}}\n",
    f"{HEAD}output: {{model: a, path: o, copy_files_from: 1}}\n",
    with_model("{op: linaer, inputs: [a, b]}"),
    with_model("{inputs: [a, b]}"),
    with_model("{op: linear}"),
    with_model("{op: linear, inputs: {a: 1}, normalise: true}"),
    with_model("{op: linear, inputs: {a: 1}, normalize: 'yes please'}"),
    with_model("{op: linear, inputs: {a: 1}, missing: ignore}"),
    with_model("{op: init, tensors: {w: {shape: [-1], fill: zeros}}}"),
    with_model("{op: init, seed: -1, tensors: {w: {shape: [1], fill: zeros}}}"),
    with_model("{op: override, base: a, with: []}"),
    with_model("3"),
]


def content(text: str) -> Any:
    return plain(read_yaml(SourceText("recipe.yaml", text)))


def is_valid(text: str) -> bool:
    return Draft202012Validator(SCHEMA).is_valid(content(text))


def is_bound(text: str) -> bool:
    """Whether the recipe stage and the operations' models take it."""
    report = Report()
    try:
        bind(parse_recipe(SourceText("recipe.yaml", text), Path(), {}, report), report)
    except MergecError:
        return False
    return True


def test_it_is_a_schema() -> None:
    Draft202012Validator.check_schema(SCHEMA)


def test_every_operation_has_a_branch() -> None:
    for name in operations():
        assert SCHEMA["$defs"][f"op_{name}"]["properties"]["op"]["const"] == name


def test_every_key_has_text_to_show() -> None:
    for name in operations():
        for key, field in SCHEMA["$defs"][f"op_{name}"]["properties"].items():
            assert field.get("description"), f"{name}.{key}"


def test_it_is_the_same_every_time() -> None:
    assert recipe_schema() == SCHEMA


def test_there_are_recipes() -> None:
    assert RECIPES


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_every_recipe_is_valid(path: Path) -> None:
    errors = [error.message for error in Draft202012Validator(SCHEMA).iter_errors(content(path.read_text()))]
    assert errors == []


@pytest.mark.parametrize("text", GOOD)
def test_good_recipes_are_good_to_both(text: str) -> None:
    assert is_bound(text)
    assert is_valid(text)


@pytest.mark.parametrize("text", BAD)
def test_bad_recipes_are_bad_to_both(text: str) -> None:
    assert not is_bound(text)
    assert not is_valid(text)
