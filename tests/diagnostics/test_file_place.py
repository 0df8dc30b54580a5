from __future__ import annotations

from pathlib import Path

import pytest

from mergec.diagnostics import SourceText, Span
from mergec.diagnostics.file_place import file_place, in_a_file
from mergec.diagnostics.internal import InternalFault
from mergec.recipe.errors import DuplicateKey


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder to look from, with a file inside, a file beside and a link to the latter."""
    here = tmp_path / "here"
    (here / "inside").mkdir(parents=True)
    (here / "inside" / "a.yaml").touch()
    (tmp_path / "beside.yaml").touch()
    (here / "link.yaml").symlink_to(tmp_path / "beside.yaml")
    return here


def span(name: str | Path) -> Span:
    return Span(SourceText(str(name), "a: 1\nb: 2\n"), 2, 1, 3)


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("inside/a.yaml", "inside/a.yaml"),
        ("./inside/a.yaml", "inside/a.yaml"),
        ("inside/../inside/a.yaml", "inside/a.yaml"),
        ("../here/inside/a.yaml", "inside/a.yaml"),
        ("{folder}/inside/a.yaml", "inside/a.yaml"),
        ("link.yaml", "link.yaml"),  # the user's own name for it, not where it leads
        ("../beside.yaml", "{parent}/beside.yaml"),
    ],
)
def test_paths_are_as_seen_from_the_folder(folder: Path, name: str, path: str) -> None:
    place = file_place(span(name.format(folder=folder)), folder)
    assert place is not None
    assert place.path == Path(path.format(parent=folder.parent))
    assert (place.line, place.column, place.end_column) == (2, 1, 3)


@pytest.mark.parametrize("name", ["symmetry:bert", "the draft", "inside", "gone.yaml", "a\0b", ""])
def test_what_is_no_file_has_no_place(folder: Path, name: str) -> None:
    assert file_place(span(name), folder) is None


def test_no_span_has_no_place(folder: Path) -> None:
    assert file_place(None, folder) is None


def test_what_is_in_a_file_stays_there(folder: Path) -> None:
    found = DuplicateKey(key="b", span=span("inside/a.yaml"))
    assert in_a_file(found, Path("link.yaml"), folder) is found


@pytest.mark.parametrize("where", [None, span("symmetry:bert")])
def test_what_is_in_no_file_goes_to_the_top(folder: Path, where: Span | None) -> None:
    moved = in_a_file(InternalFault(problem="x", span=where, help="h"), Path("inside/a.yaml"), folder)
    assert (str(moved.span), moved.message, moved.help) == (
        "inside/a.yaml:1:1",
        InternalFault(problem="x").message,
        "h",
    )
