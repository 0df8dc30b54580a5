from __future__ import annotations

import math
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mergec.diagnostics import SourceText
from mergec.lock.canonical import canonical
from mergec.lock.yaml_text import yaml_text
from mergec.recipe.yaml_tree import plain, read_yaml

texts = st.text(st.characters(exclude_categories=[]))
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | texts,
    lambda inner: st.lists(inner) | st.dictionaries(texts, inner),
    max_leaves=20,
)


def read(text: str) -> object:
    return plain(read_yaml(SourceText("a text", text)))


@given(st.dictionaries(texts, values, min_size=1))
def test_it_reads_as_what_was_written(value: dict[str, object]) -> None:
    back = read(yaml_text(value))
    assert back == value
    assert canonical(back) == canonical(value)


@pytest.mark.parametrize(
    "text",
    ["no", "null", "~", "1", "0x10", "1e3", ".inf", "", " a", "a ", "a: b", "a #b", "-", "- a", "[a", "a\nb",
     "'", '"', "\\", "\ud83d\ude00", "\U0001f600", "\x85", "\u2028", "\ufeff", "\ud800", "\x7f", "<<"],
)  # fmt: skip
def test_texts_that_yaml_would_take_for_something_else(text: str) -> None:
    assert read(yaml_text({text: text})) == {text: text}


def test_numbers_that_are_none() -> None:
    found = read(yaml_text({"a": math.nan, "b": math.inf, "c": -math.inf}))
    assert isinstance(found, dict)
    assert repr(found) == "{'a': nan, 'b': inf, 'c': -inf}"


def test_a_line_for_each_entry() -> None:
    value = {"a": {"b": [1, 0.5], "c": {}}, "d": [{"e": None, "f": [[]]}, "g h"], "model-1.safetensors": True}
    assert yaml_text(value) == (
        "a:\n  b: [1, 0.5]\n  c: {}\n"
        'd:\n  -\n    e: null\n    f:\n      - []\n  - "g h"\n'
        "model-1.safetensors: true\n"
    )


@pytest.mark.parametrize("value", [b"bytes", date(2026, 1, 1), {1}])
def test_other_values_are_refused(value: object) -> None:
    with pytest.raises(TypeError):
        yaml_text({"a": value})
