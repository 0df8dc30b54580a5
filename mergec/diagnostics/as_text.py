"""Diagnostics as a few plain lines, for programs that show the place themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mergec.diagnostics.shown_line import printable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mergec.diagnostics.diagnostic import Diagnostic


def diagnostic_as_text(diagnostic: Diagnostic, *, has_others: bool = True) -> str:
    """The message, then what the marks, notes and help say, a line each.

    Without `has_others`, nothing is said about other places than the diagnostic's own.
    """
    return "\n".join(map(printable, _lines(diagnostic, has_others=has_others)))


def _lines(diagnostic: Diagnostic, *, has_others: bool) -> Iterator[str]:
    yield diagnostic.message
    if diagnostic.label:
        yield f"here: {diagnostic.label}"
    if has_others:
        for other in diagnostic.others:
            yield f"{other.span}: {other.text}"
    for note in diagnostic.notes:
        yield f"note: {note}"
    if diagnostic.help is not None:
        yield f"help: {diagnostic.help}"
