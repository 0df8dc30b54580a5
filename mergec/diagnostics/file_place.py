"""Places in files, for programs that show those files: their paths and nothing but files."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from mergec.diagnostics.span import SourceText, Span

if TYPE_CHECKING:
    from mergec.diagnostics.diagnostic import Diagnostic

    D = TypeVar("D", bound=Diagnostic)


@dataclass(frozen=True, slots=True)
class FilePlace:
    """Characters on one line of a file; lines and columns count from 1, `end_column` is behind the last.

    `path` is relative to the folder it was asked for, and has no `..` in it; absolute for a file elsewhere.
    """

    path: Path
    line: int
    column: int
    end_column: int


def file_place(span: Span | None, folder: Path) -> FilePlace | None:
    """Where a span is, as seen from `folder`; None for no span, and for a text that is no file.

    Texts such as built-in symmetry tables have a name too, but there is nothing to show.
    """
    if span is None or not _is_file(folder / span.source.name):
        return None
    return FilePlace(_seen_from(folder, Path(span.source.name)), span.line, span.column, span.end_column)


def in_a_file(diagnostic: D, file: Path, folder: Path) -> D:
    """The diagnostic, put at the top of `file` if it is about no place in a file."""
    if file_place(diagnostic.span, folder) is not None:
        return diagnostic
    return replace(diagnostic, span=Span(SourceText(str(file), ""), 1, 1, 1))


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except ValueError:  # a NUL in the path
        return False


def _seen_from(folder: Path, path: Path) -> Path:
    # A path that leads down is kept as it is written: links in it are the user's own.
    if not path.is_absolute() and ".." not in path.parts:
        return path
    resolved, here = (folder / path).resolve(), folder.resolve()
    return resolved.relative_to(here) if resolved.is_relative_to(here) else resolved
