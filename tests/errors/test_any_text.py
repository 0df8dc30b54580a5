"""Any text as a recipe ends in a verdict: sound, or diagnostics that can be printed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mergec.diagnostics import MergecError, Report
from mergec.diagnostics.render import render_plain
from mergec.pipeline import compile_recipe
from tests.errors.case import CASES, RECIPE
from tests.errors.recipes import OPERATIONS, recipe_with, write_sources

if TYPE_CHECKING:
    from pathlib import Path

    from mergec.diagnostics import Diagnostic

_SOUND = [recipe_with(name, keys) for name, keys in OPERATIONS.items()]
TEXTS = [
    *(yaml.safe_dump(document, sort_keys=False) for document in _SOUND),
    *(json.dumps(document, indent=1) for document in _SOUND),
    *(
        (folder / RECIPE).read_text("utf-8", "replace")
        for folder in CASES.iterdir()
        if (folder / RECIPE).exists()
    ),
]
_BITS = [
    *"\t\n\r {}[]()<>:,-?&*!|>%@`'\"#$\\./+=~^_0123456789eEnN",
    *("${", "${x}", "**", "->", "<<", "---", "- ", ": ", "!!int"),
    *("\0", "\x1b[31m", "\x85", "\u2028", "\u202e", "\ud800", "é", "漢"),
    *("1e999", "-.inf", "999999999999999999999", "rest", "null"),
    *("[0:2]", "{i:int}", "{rest:**}", "re:("),
]


@st.composite
def mutated(draw: st.DrawFn) -> str:
    """A recipe with some slips: text put in, taken out, doubled or moved."""
    text = draw(st.sampled_from(TEXTS))
    for _ in range(draw(st.integers(1, 6))):
        start = draw(st.integers(0, len(text)))
        end = min(start + draw(st.sampled_from([0, 1, 2, 5, 20, 80])), len(text))
        slip = draw(st.sampled_from(["put in", "take out", "double", "replace", "move"]))
        piece = text[start:end]
        if slip in {"put in", "replace"}:
            bit = draw(st.sampled_from(_BITS))
            text = text[:start] + bit + text[end if slip == "replace" else start :]
        elif slip == "double":
            text = text[:end] + piece + text[end:]
        else:
            text = text[:start] + text[end:]
            at = draw(st.integers(0, len(text)))
            text = text[:at] + piece + text[at:] if slip == "move" else text
    return text


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("any_text")
    write_sources(made)
    return made


@given(text=mutated())
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_a_slip_ends_in_a_verdict(folder: Path, text: str) -> None:
    assert_judged(folder, text.encode("utf-8", "surrogatepass"))


@given(content=st.binary(max_size=200))
@settings(max_examples=100, deadline=None)
def test_any_bytes_end_in_a_verdict(folder: Path, content: bytes) -> None:
    assert_judged(folder, content)


def assert_judged(folder: Path, content: bytes) -> None:
    recipe = folder / RECIPE
    recipe.write_bytes(content)
    printed = render_plain(findings(recipe))
    assert all(char.isprintable() or char == "\n" for char in printed)


def findings(recipe: Path) -> tuple[Diagnostic, ...]:
    report = Report()
    try:
        compile_recipe(recipe, {}, report)
    except MergecError as error:
        return error.diagnostics
    return report.diagnostics
