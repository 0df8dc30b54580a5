from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from mergec.provenance.source_card import Licence, SourceCard, read_card

if TYPE_CHECKING:
    from pathlib import Path


def card_of(folder: Path, text: str) -> SourceCard:
    (folder / "README.md").write_text(f"---\n{text}\n---\n# A model\n", "utf-8")
    return read_card(folder)


def test_all_that_counts(tmp_path: Path) -> None:
    text = (
        "license: Other\nlicense_name: llama2\nlicense_link: LICENSE\n"
        "base_model: org/a\nlibrary_name: transformers\npipeline_tag: text-generation"
    )
    licence = Licence(("other",), "llama2", "LICENSE")
    assert card_of(tmp_path, text) == SourceCard(licence, ("org/a",), "transformers", "text-generation")


def test_lists(tmp_path: Path) -> None:
    card = card_of(tmp_path, "license: [mit, Apache-2.0, mit]\nbase_model: [b, a]")
    assert card == SourceCard(Licence(("apache-2.0", "mit")), ("b", "a"))
    assert str(card.licence) == "apache-2.0, mit"


@pytest.mark.parametrize("text", ["", "license:", 'license: ""', "license: []", "license_name: x"])
def test_nothing_that_counts(tmp_path: Path, text: str) -> None:
    assert card_of(tmp_path, text) == SourceCard()


def test_no_card(tmp_path: Path) -> None:
    assert read_card(tmp_path) == SourceCard()
    assert read_card(tmp_path / "nowhere") == SourceCard()


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("license: 3.0", "`license` is no text"),
        ("license: {a: b}", "`license` is no text"),
        ("license: [[mit]]", "`license` is no text"),
        ("license: mit\nlicense_name: [a, b]", "`license_name` is a list"),
        (f"license: {'x' * 201}", "`license` is too long"),
        ('base_model: "a\\u001b[31m"', "`base_model` is too long or holds"),
        ('pipeline_tag: "a\\nb"', "`pipeline_tag` is too long or holds"),
        ("license: *mit", "an alias"),
    ],
)
def test_a_card_that_cannot_be_used_says_why_and_nothing_else(
    tmp_path: Path, text: str, problem: str
) -> None:
    card = card_of(tmp_path, text)
    assert problem in card.problem
    assert card == SourceCard(problem=card.problem)


def test_odd_files(tmp_path: Path) -> None:
    (tmp_path / "README.md").mkdir()
    assert read_card(tmp_path) == SourceCard()
    (tmp_path / "README.md").rmdir()
    os.mkfifo(tmp_path / "README.md")
    assert read_card(tmp_path) == SourceCard()


def test_one_that_cannot_be_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    card_of(tmp_path, "license: mit")

    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("mergec.provenance.source_card.front_matter", refuse)
    assert read_card(tmp_path) == SourceCard(problem="Permission denied")


def test_words_and_name_make_a_licence_the_same() -> None:
    licence = Licence(("other",), "llama2", "https://a.example")
    assert licence.is_same(Licence(("other",), "llama2"))
    assert not licence.is_same(Licence(("other",), "llama3", "https://a.example"))
    assert not licence.is_same(Licence(("mit",), "llama2"))
    assert str(licence) == "other (llama2)"
