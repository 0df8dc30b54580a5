from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mergec.provenance.markdown_text import escaped, fenced, quotation, table


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("org/model-v1.0", "org/model-v1.0"),
        ("a|b", r"a\|b"),
        ("**bold** _it_ `code`", r"\*\*bold\*\* \_it\_ \`code\`"),
        ("<script>alert(1)</script>", r"\<script\>alert\(1\)\</script\>"),
        ("[x](https://e.example)", r"\[x\]\(https\://e.example\)"),
        ("![](x)", r"\!\[\]\(x\)"),
        ("&amp; @all #1", r"\&amp; \@all \#1"),
        ("- item", r"\- item"),
        ("===", r"\==="),
        (" padded ", "padded"),
        ("a\nb\x1b", r"a\\nb\\x1b"),
    ],
)
def test_text_shows_as_itself(text: str, shown: str) -> None:
    assert escaped(text) == shown


@given(st.text())
def test_no_text_begins_a_line_or_a_cell(text: str) -> None:
    shown = escaped(text)
    assert shown.isprintable()
    assert not re.search(r"(?<!\\)(?:\\\\)*[|<`\[]", shown)


def test_a_quotation_has_a_mark_on_every_line() -> None:
    assert quotation("one\n\n  # two\r\n---\n") == "> one\n>\n> \\# two\n> \\---\n"


@pytest.mark.parametrize(("text", "fence"), [("a: b\n", "```"), ("a: ```` b\n", "`````"), ("`\n", "```")])
def test_nothing_within_ends_a_fence(text: str, fence: str) -> None:
    assert fenced(text, "yaml") == f"{fence}yaml\n{text}{fence}\n"


def test_a_table() -> None:
    assert table(("a", "b"), [("1", "2")]) == "| a | b |\n| --- | --- |\n| 1 | 2 |\n"
