from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mergec.diagnostics import SourceText, Span
from mergec.diagnostics.as_github import diagnostic_as_github
from mergec.diagnostics.internal import InternalFault
from mergec.recipe.errors import DuplicateKey
from mergec.steps.errors import UnusedSource


def unescaped(text: str) -> str:
    """What the runner makes of a value."""
    for code, char in (("%2C", ","), ("%3A", ":"), ("%0A", "\n"), ("%0D", "\r"), ("%25", "%")):
        text = text.replace(code, char)
    return text


def read(line: str) -> tuple[str, dict[str, str], str]:
    """A command as the runner reads it: name, properties, message."""
    found = re.fullmatch(r"::(\w+) (.*?)::(.*)", line)
    assert found is not None, line
    name, properties, message = found.groups()
    pairs = (one.split("=", 1) for one in properties.split(","))
    return name, {key: unescaped(value) for key, value in pairs}, unescaped(message)


def test_an_error_at_its_place(tmp_path: Path) -> None:
    (tmp_path / "recipe.yaml").touch()
    span = Span(SourceText("recipe.yaml", "a: 1\na: 2\n"), 2, 1, 2)
    line = diagnostic_as_github(DuplicateKey(key="a", span=span, help="keep one"), tmp_path)
    assert line == (
        "::error file=recipe.yaml,line=2,endLine=2,col=1,endColumn=2,title=mergec MC0102"
        "::the key `a` is written twice%0Ahelp: keep one"
    )


def test_a_warning_is_one(tmp_path: Path) -> None:
    assert diagnostic_as_github(UnusedSource(name="a"), tmp_path).startswith("::warning title=mergec MC")


def test_no_place_is_no_file(tmp_path: Path) -> None:
    name, properties, _ = read(diagnostic_as_github(InternalFault(problem="x"), tmp_path))
    assert (name, properties) == ("error", {"title": "mergec MC0901"})


@pytest.mark.parametrize("name", ["a,b.yaml", "a::b.yaml", "100%.yaml", "a\nb.yaml", "line=9,col=9.yaml"])
def test_names_of_files_cannot_end_a_property(tmp_path: Path, name: str) -> None:
    (tmp_path / name).touch()
    span = Span(SourceText(name, "x"), 1, 1, 2)
    line = diagnostic_as_github(DuplicateKey(key="a", span=span), tmp_path)
    assert "\n" not in line
    _, properties, message = read(line)
    assert properties == {
        "file": name,
        "line": "1",
        "endLine": "1",
        "col": "1",
        "endColumn": "2",
        "title": "mergec MC0102",
    }
    assert message == "the key `a` is written twice"


@given(st.text())
def test_a_message_arrives_as_it_was_and_on_one_line(help_: str) -> None:
    found = DuplicateKey(key="a", help=help_)
    line = diagnostic_as_github(found, Path())
    assert len(line.splitlines()) == 1
    printable = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in help_)
    assert read(line)[2] == f"the key `a` is written twice\nhelp: {printable}"
