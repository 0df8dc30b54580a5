"""Diagnostics as workflow commands of GitHub Actions, which make notes on the changed files of them.

Form: docs.github.com/actions/reference/workflows-and-actions/workflow-commands, "Setting an error message".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mergec.diagnostics.as_text import diagnostic_as_text
from mergec.diagnostics.file_place import file_place

if TYPE_CHECKING:
    from pathlib import Path

    from mergec.diagnostics.diagnostic import Diagnostic

# The runner reads a command up to the end of its line, and its properties up to `,` and `::`.
_IN_MESSAGE = str.maketrans({"%": "%25", "\r": "%0D", "\n": "%0A"})
_IN_PROPERTY = {**_IN_MESSAGE, **str.maketrans({":": "%3A", ",": "%2C"})}


def diagnostic_as_github(diagnostic: Diagnostic, folder: Path) -> str:
    """One diagnostic as one line. `folder` is the root of the checkout, which paths are relative to."""
    properties: dict[str, str | int] = {}
    place = file_place(diagnostic.span, folder)
    if place is not None:
        properties["file"] = place.path.as_posix()
        properties |= {"line": place.line, "endLine": place.line}
        properties |= {"col": place.column, "endColumn": place.end_column}
    properties["title"] = f"mergec {diagnostic.code}"
    written = ",".join(f"{name}={str(value).translate(_IN_PROPERTY)}" for name, value in properties.items())
    message = diagnostic_as_text(diagnostic).translate(_IN_MESSAGE)
    return f"::{diagnostic.severity.value} {written}::{message}"
