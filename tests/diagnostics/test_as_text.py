from __future__ import annotations

from mergec.diagnostics import Label, SourceText, Span
from mergec.diagnostics.as_text import diagnostic_as_text
from mergec.recipe.errors import DuplicateKey

SOURCE = SourceText("recipe.yaml", "a: 1\na: 2\n")
FOUND = DuplicateKey(
    key="a",
    span=Span(SOURCE, 2, 1, 2),
    label="again",
    others=(Label(Span(SOURCE, 1, 1, 2), "first written here"),),
    notes=("one", "two\x1b[31m\nnext"),
    help="keep one",
)


def test_a_line_for_everything_that_is_said() -> None:
    assert diagnostic_as_text(FOUND).split("\n") == [
        "the key `a` is written twice",
        "here: again",
        "recipe.yaml:1:1: first written here",
        "note: one",
        "note: two\\x1b[31m\\nnext",
        "help: keep one",
    ]


def test_other_places_may_be_left_to_the_reader() -> None:
    assert "first written here" not in diagnostic_as_text(FOUND, has_others=False)


def test_a_bare_one_is_its_message() -> None:
    assert diagnostic_as_text(DuplicateKey(key="a")) == "the key `a` is written twice"
