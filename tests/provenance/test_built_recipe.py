from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest

from mergec.diagnostics import Report, SourceText
from mergec.lock.recipe_content import recipe_content
from mergec.lower.bind import BoundRecipe, bind
from mergec.provenance.built_recipe import built_recipe
from mergec.recipe.load import parse_recipe

if TYPE_CHECKING:
    from pathlib import Path

RECIPE = """
mergec: 1
description: "two
  models"
params: {alpha: 0.4, root: /home/alice}
sources:
  base: models/base.safetensors  # a comment
  tuned: "${root}/tuned"
  unused: {path: x}
models:
  merged: {op: interpolate, from: base, to: tuned, t: {"layers.**": "${alpha}", "**": 0.5}}
output: {model: merged, path: /srv/out, copy_files_from: [tuned, ~/tokenizer]}
"""
BUILT = """\
# Written by mergec: the recipe of this checkpoint, with its parameters filled in.
# Parameters:
# alpha: 0.75
# root: alice
mergec: 1
description: "two models"
sources:
  base:
    path: models/base.safetensors
  tuned:
    path: tuned
models:
  merged:
    op: interpolate
    from: base
    to: tuned
    t:
      "layers.**": 0.75
      "**": 0.5
output:
  model: merged
  path: out
  copy_files_from: [tuned, tokenizer]
"""


def bound(text: str, folder: Path, **overrides: str) -> BoundRecipe:
    report = Report()
    return bind(parse_recipe(SourceText("recipe.yaml", text), folder, overrides, report), report)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "tokenizer").mkdir()
    return tmp_path


def test_parameters_are_filled_in_and_paths_cut(folder: Path) -> None:
    assert built_recipe(bound(RECIPE, folder, alpha="0.75")) == BUILT


def test_it_is_the_same_recipe_again(folder: Path) -> None:
    first = bound(RECIPE.replace("/home/alice", "models").replace("/srv/", "").replace("~/", ""), folder)
    second = bound(built_recipe(first), folder)
    assert recipe_content(second) == recipe_content(first)
    again = built_recipe(second)
    assert again == "".join(
        line
        for line in built_recipe(first).splitlines(keepends=True)
        if not line.startswith(("# P", "# a", "# r"))
    )


def test_how_it_is_written_does_not_matter(folder: Path) -> None:
    text = RECIPE.replace("  # a comment", "\n").replace("{path: x}", "y")
    assert built_recipe(bound(text, folder)) == built_recipe(bound(RECIPE, folder))


@pytest.mark.parametrize(
    "text", ["a\nmergec: 2", "# x\r\n", "'\"\\", "\x1b[31m\u2028", "${x}", "$$", "a$", "$${x}$", "- a: {"]
)
def test_text_that_would_break_yaml(folder: Path, text: str) -> None:
    literal = text.replace("$", "$$")
    document = {
        "mergec": 1,
        "description": literal,
        "params": {"p": text.replace("${x}", "x")},
        "sources": {"a": literal, "b": "a${p}"},
        "models": {"c": "a + b"},
        "output": {"model": "c", "path": "out"},
    }
    first = bound(json.dumps(document), folder)
    second = bound(built_recipe(first), folder)
    assert first.recipe.description == text
    assert second.recipe.description == text
    assert recipe_content(second) == recipe_content(first)


def test_numbers_keep_their_values(folder: Path) -> None:
    value = float(np.nextafter(0.1, 1))
    made = built_recipe(bound(RECIPE, folder, alpha=repr(value)))
    assert f'"layers.**": {value!r}\n' in made
