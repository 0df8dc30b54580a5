"""Whatever a file holds, it becomes a recipe or is refused with a diagnostic."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mergec.diagnostics import MergecError, Report, SourceText
from mergec.diagnostics.render import render_plain
from mergec.importing.blocks_import import BlockMerge
from mergec.importing.imported import Target, block_recipe, mergekit_recipe
from mergec.recipe.yaml_tree import read_yaml

TEXTS = [
    """
name: first
slices:
  - sources:
      - {model: a@main, layer_range: [0, 4], parameters: {weight: [0.1, 0.9]}}
      - {model: b+c@x, layer_range: [2, 6], parameters: {weight: {filter: mlp, value: 1}}}
    base_model: d
    parameters: {density: 0.5}
  - sources: [{model: e, layer_range: [0, 1]}]
merge_method: ties
base_model: {model: {path: d}, lora: {path: c, revision: y}}
parameters: {weight: &w [{filter: norm, value: [0, 1]}, 0.5], normalize: yes}
dtype: bfloat16
tokenizer: {source: b, tokens: {}}
---
modules:
  text_decoder: {models: [{model: first}, f], parameters: {weight: *w}}
  vision: {slices: [{sources: [{model: g, layer_range: [0, 2]}]}]}
merge_method: linear
out_dtype: float32
chat_template: auto
""",
    """
models: [{model: a}, {model: b, parameters: {scale: [{filter: "o_proj", value: 0}, {value: 1}]}}]
merge_method: passthrough
""",
]
BITS = [
    *(":", "- ", "[", "]", "{", "}", "&w ", "*w", "<<: ", "\n", "  ", "---\n", "#", '"', "'", "|", "!x "),
    *("null", "1e999", "-1", "yes", "0.5", "\0", "\x1b[31m", "\u2028", "\ud800", "é", "@", "+", "/", ".."),
    *("models", "slices", "model", "parameters", "weight", "value", "filter", "name", "first", "slerp"),
]


@st.composite
def mutated(draw: st.DrawFn) -> str:
    text = draw(st.sampled_from(TEXTS))
    for _ in range(draw(st.integers(1, 6))):
        start = draw(st.integers(0, len(text)))
        end = min(start + draw(st.sampled_from([0, 0, 1, 3, 10, 60])), len(text))
        text = text[:start] + draw(st.sampled_from(["", *BITS, text[start:end] * 2])) + text[end:]
    return text


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("any_text")


def assert_judged(folder: Path, content: bytes) -> str | None:
    file, report = folder / "merge.yml", Report()
    file.write_bytes(content)
    text = None
    try:
        text = mergekit_recipe(file, Target(folder, lambda _: None), report)
    except MergecError as error:
        report.extend(error.diagnostics)
    printed = render_plain(report.diagnostics)
    assert all(char.isprintable() or char == "\n" for char in printed + (text or ""))
    if text is not None:
        read_yaml(SourceText("recipe.yaml", text))
    return text


@given(text=mutated())
@settings(max_examples=300)
def test_a_slip_ends_in_a_recipe_or_a_verdict(folder: Path, text: str) -> None:
    assert_judged(folder, text.encode("utf-8", "surrogatepass"))


@given(content=st.binary(max_size=200))
@settings(max_examples=100)
def test_any_bytes_end_in_a_verdict(folder: Path, content: bytes) -> None:
    assert_judged(folder, content)


@given(text=st.text("0123456789.,-:\n INOUTBASEM#x\t\0", max_size=80))
@settings(max_examples=300)
def test_any_weights_end_in_a_recipe_or_a_verdict(text: str) -> None:
    report, made = Report(), None
    try:
        made = block_recipe(SourceText("w", text), BlockMerge("a", "b", alpha=0.5), Path(), report)
    except MergecError as error:
        report.extend(error.diagnostics)
    assert made is not None or report.has_errors()
    if made is not None:
        read_yaml(SourceText("recipe.yaml", made))


def test_as_much_as_is_read_at_all_is_read_fast(folder: Path) -> None:
    part = "- {sources: [{model: some/folder%d/x, layer_range: [0, 4]}]}\n"
    text = "merge_method: passthrough\nslices:\n" + "".join(part % n for n in range(5000))
    start = time.process_time()
    made = assert_judged(folder, text.encode())
    assert made is not None
    assert made.count("layers: ") == 5000
    assert time.process_time() - start < 30


def test_more_is_refused(folder: Path) -> None:
    assert assert_judged(folder, b"# " + b"x" * (1 << 20)) is None
