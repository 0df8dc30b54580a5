from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from mergec.diagnostics import SourceText
from mergec.provenance.front_matter import front_matter
from mergec.provenance.front_matter_text import front_matter_text
from mergec.recipe.yaml_tree import plain, read_yaml

if TYPE_CHECKING:
    from pathlib import Path

texts = st.text(st.characters(exclude_categories=["C", "Zl", "Zp"]), min_size=1)


@given(st.dictionaries(st.sampled_from(["license", "tags", "x"]), texts | st.lists(texts, min_size=1)))
def test_parsers_of_both_versions_read_what_was_written(entries: dict[str, str | list[str]]) -> None:
    text = front_matter_text(entries)
    body = text.removeprefix("---\n").removesuffix("---\n")
    if entries:
        assert plain(read_yaml(SourceText("a card", body))) == entries
        assert yaml.safe_load(body) == entries  # noqa: TID251 - how the Hub's library reads it


@pytest.mark.parametrize(
    "word", ["no", "Yes", "on", "y", "null", "1e3", "2026-11-20", "1:30", "0x1", "- a", "a: b"]
)
def test_words_that_yaml_takes_for_something_else(tmp_path: Path, word: str) -> None:
    text = front_matter_text({"license": word, "base_model": [word]})
    found = yaml.safe_load(text.strip().strip("-"))  # noqa: TID251 - see above
    assert found == {"license": word, "base_model": [word]}
    card = tmp_path / "README.md"
    card.write_text(text)
    assert front_matter(card, ["license", "base_model"]) == {"license": word, "base_model": [word]}


def test_plain_words_stay_plain() -> None:
    assert front_matter_text({"license": "apache-2.0", "tags": ["org/a_b"]}) == (
        "---\nlicense: apache-2.0\ntags:\n- org/a_b\n---\n"
    )
