from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mergec.provenance import front_matter as module
from mergec.provenance.front_matter import front_matter

if TYPE_CHECKING:
    from pathlib import Path

WANTED = ("license", "base_model")


@pytest.fixture
def card(tmp_path: Path) -> Path:
    return tmp_path / "README.md"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", {}),
        ("# A model\n---\nlicense: mit\n---\n", {}),
        ("---\n---\n", {}),
        ("---\ntags: [merge]\n---\n", {}),
        ("---\nlicense: mit\n---\nlicense: gpl\n", {"license": "mit"}),
        ("\ufeff--- \r\nlicense: mit\r\n---\r\n", {"license": "mit"}),
        ("---\nlicense:   # a word\n  mit\n---\n", {"license": "mit"}),
        ("---\n'license' : mit\n\"base_model\": x\n---\n", {"license": "mit", "base_model": "x"}),
        ("---\nbase_model:\n- a\n\n# and\n- b\ntags:\n- c\n---\n", {"base_model": ["a", "b"]}),
        ("---\nmodel:\n  license: mit\nlicenses: x\n---\n", {}),
        ("---\nlicense: no\n---\n", {"license": "no"}),
        ("---\nlicense:\n---\n", {"license": None}),
    ],
)
def test_the_wanted_entries_are_found(card: Path, text: str, found: dict[str, object]) -> None:
    card.write_text(text, "utf-8", newline="")
    assert front_matter(card, WANTED) == found


@pytest.mark.parametrize(
    "text", ["---\n- license\n- mit\n---\n", "---\n{license: mit}\n---\n", "---\nmit\n---\n"]
)
def test_what_is_no_mapping_in_block_style_has_no_entries(card: Path, text: str) -> None:
    card.write_text(text)
    assert front_matter(card, WANTED) == {}


def test_other_entries_may_be_long_or_odd(card: Path) -> None:
    bomb = "a: &a [x, x]\nb: &b [*a, *a]\nb: !!python/object/apply:os.system [ls]\nc: {<<: *b}\n"
    scores = "model-index:\n" + "  - {score: 1.0}\n" * 30_000
    card.write_bytes(f"---\n{bomb}{scores}license: mit\ntitle: ".encode() + b"\xff\n---\n" + b"\xff" * 9)
    assert front_matter(card, WANTED) == {"license": "mit"}


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"---\nlicense: mit\n", "no end"),
        (b"---\nlicense: \xff\n---\n", "not UTF-8"),
        (b"---\nlicense: [" + b"mit, " * 9000 + b"]\n---\n", "too long"),
        (b"---\nlicense: &a [*a]\n---\n", "anchor"),
        (b"---\nlicense: mit\nlicense: gpl\n---\n", "`license` is written twice"),
        (b"---\nlicense: !x mit\n---\n", "tag"),
        (b"---\nlicense: " + b"[" * 9000 + b"\n---\n", "nested deeper"),
        (b"---\nlicense: [\n---\n", "a value is missing"),
        (b"---\nlicense: \x07\n---\n", "U\\+0007"),
        (b"---\nlicense: a: b\n---\n", "needs quotes"),
        (b"---\nlicense: mit\n--- more\n---\n", "second document"),
    ],
)
def test_wanted_entries_are_read_strictly(card: Path, content: bytes, problem: str) -> None:
    card.write_bytes(content)
    with pytest.raises(ValueError, match=problem):
        front_matter(card, WANTED)


def test_a_huge_card_is_not_read_as_a_whole(card: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_LARGEST", 100)
    card.write_bytes(b"---\nlicense: mit\n---\n" + b"x" * 1000)
    assert front_matter(card, WANTED) == {"license": "mit"}
    card.write_bytes(b"---\nlicense: mit\n" + b"#" * 1000 + b"\n---\n")
    with pytest.raises(ValueError, match="no end"):
        front_matter(card, WANTED)
