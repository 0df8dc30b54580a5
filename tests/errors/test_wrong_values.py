"""A wrong value at every key of the language: told in the language's own words."""

from __future__ import annotations

import copy
import json
import re
from typing import TYPE_CHECKING, Any

import pytest

import mergec
from mergec.diagnostics.render import render_plain
from mergec.lower.bind import operations
from mergec.recipe.model_keys import keys_of
from tests.errors.recipes import OPERATIONS, recipe_with, write_sources

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

WRONG: list[Any] = [
    None, True, 0, 7, -1, 2.5, 10**300, "", "text", "${alpha}", "a -> b",
    [], [1], [[]], ["text"], [None], {}, {"a": 1}, {"a": {"b": []}}, [{"a": 1}],
]  # fmt: skip
# What only pydantic and Python say.
_RAW = re.compile(
    r"Input should|validation|pydantic|literal\[|function-|constrained|dict\[|list\[|Value error|"
    r"NormalFill|Keys\b|Spec\b|NoneType|(?<!:)\bint\b|\bstr\b|\bNone\b|Traceback|object at"
)


def places(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """The paths of all values inside a value."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield (*path, key)
        yield from places(item, (*path, key))


def replaced(document: Any, path: tuple[str | int, ...], value: Any) -> Any:
    changed = copy.deepcopy(document)
    at = changed
    for key in path[:-1]:
        at = at[key]
    at[path[-1]] = value
    return changed


def said(folder: Path, document: object) -> str:
    """What a check says to a recipe; empty where it finds it sound."""
    (folder / "recipe.yaml").write_text(json.dumps(document, indent=1))  # JSON is YAML
    try:
        mergec.load(folder / "recipe.yaml").check()
    except mergec.MergecError as error:
        return render_plain(error.errors)
    return ""


def test_every_operation_is_here_with_all_its_keys() -> None:
    known = {name: set(keys_of(operation.keys)) for name, operation in operations().items()}
    assert OPERATIONS.keys() == known.keys()
    assert {
        name: known[name] - keys.keys() for name, keys in OPERATIONS.items() if known[name] - keys.keys()
    } == {}


@pytest.mark.parametrize("operation", OPERATIONS)
def test_the_recipes_are_sound(operation: str, tmp_path: Path) -> None:
    write_sources(tmp_path)
    assert said(tmp_path, recipe_with(operation, OPERATIONS[operation])) == ""


@pytest.mark.parametrize("operation", OPERATIONS)
def test_wrong_values_of_an_operation(operation: str, tmp_path: Path) -> None:
    write_sources(tmp_path)
    document = recipe_with(operation, OPERATIONS[operation])
    for path in places(document["models"]["merged"]):
        for wrong in WRONG:
            assert_in_our_words(said(tmp_path, replaced(document, ("models", "merged", *path), wrong)))


def test_wrong_values_of_the_rest(tmp_path: Path) -> None:
    write_sources(tmp_path)
    document = recipe_with("interpolate", OPERATIONS["interpolate"])
    paths = [path for path in places(document) if path[:2] != ("models", "merged")]
    for path in paths:
        for wrong in WRONG:
            assert_in_our_words(said(tmp_path, replaced(document, path, wrong)))


def assert_in_our_words(text: str) -> None:
    told = "\n".join(line for line in text.splitlines() if line.startswith(("error[", "help: ", "  = note")))
    assert not _RAW.search(told), text
    if text:
        assert " --> " in text, "every mistake of the recipe has its place"
