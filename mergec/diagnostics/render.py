"""Diagnostics as text for people, in the manner of rustc: the place, the line, a mark under it."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple

from rich.text import Text

from mergec.diagnostics.diagnostic import Severity
from mergec.diagnostics.shown_line import printable, show_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from mergec.diagnostics.diagnostic import Diagnostic
    from mergec.diagnostics.shown_line import ShownLine
    from mergec.diagnostics.span import Span

MOST_SHOWN = 50
_FRAME = "bold blue"
_COLORS = {Severity.ERROR: "bold red", Severity.WARNING: "bold yellow"}


class _Mark(NamedTuple):
    """A run of characters to underline, and what is said about it."""

    span: Span
    text: str
    is_main: bool


def render_plain(diagnostics: Iterable[Diagnostic]) -> str:
    """The diagnostics without colours, ending in a line break; empty when there are none."""
    return render(diagnostics).plain


def render(diagnostics: Iterable[Diagnostic]) -> Text:
    """All diagnostics in the order of their places, and a line that counts them if any is an error.

    Those about no place come first. Of more than `MOST_SHOWN`, warnings are left out before errors.
    """
    found = list(diagnostics)
    shown = sorted(sorted(found, key=_is_warning)[:MOST_SHOWN], key=_position)
    text = Text()
    for diagnostic in shown:
        _add(text, diagnostic)
        text.append("\n")
    if len(found) > len(shown):
        text.append(f"and {len(found) - len(shown)} more\n\n")
    _add_summary(text, found, shown)
    text.rstrip()
    if found:
        text.append("\n")
    return text


def _is_warning(diagnostic: Diagnostic) -> bool:
    return diagnostic.severity is Severity.WARNING


def _position(diagnostic: Diagnostic) -> tuple[bool, str, int, int]:
    span = diagnostic.span
    return (False, "", 0, 0) if span is None else (True, span.source.name, span.line, span.column)


def _add(text: Text, diagnostic: Diagnostic) -> None:
    color = _COLORS[diagnostic.severity]
    text.append(f"{diagnostic.severity.value}[{diagnostic.code}]", color)
    text.append(f": {printable(diagnostic.message)}\n", "bold")
    marks = _marks(diagnostic)
    width = len(str(max((mark.span.line for mark in marks), default=0)))
    for number, (_, here) in enumerate(groupby(marks, lambda mark: mark.span.source.name)):
        group = list(here)
        # The first text is the main mark's own, and that mark is the place to go to.
        place = diagnostic.span if number == 0 and diagnostic.span is not None else group[0].span
        text.append(f"{' ' * width}{':::' if number else '-->'} ", _FRAME)
        text.append(f"{printable(str(place))}\n")
        _add_snippet(text, group, width, color)
    if diagnostic.notes and marks:
        text.append(f"{' ' * width} |\n", _FRAME)
    for note in diagnostic.notes:
        text.append(f"{' ' * width} = ", _FRAME)
        text.append("note", "bold")
        text.append(f": {printable(note)}\n")
    if diagnostic.help is not None:
        text.append("help", "bold cyan")
        text.append(f": {printable(diagnostic.help)}\n")


def _marks(diagnostic: Diagnostic) -> list[_Mark]:
    """The marks by text and place, those in the main mark's text first."""
    others = [_Mark(label.span, label.text, is_main=False) for label in diagnostic.others]
    if diagnostic.span is None:
        return sorted(others, key=lambda mark: (mark.span.source.name, mark.span.line, mark.span.column))
    main = _Mark(diagnostic.span, diagnostic.label, is_main=True)
    source = main.span.source.name

    def order(mark: _Mark) -> tuple[bool, str, int, int]:
        return mark.span.source.name != source, mark.span.source.name, mark.span.line, mark.span.column

    return sorted([main, *others], key=order)


def _add_snippet(text: Text, marks: Sequence[_Mark], width: int, color: str) -> None:
    text.append(f"{' ' * width} |\n", _FRAME)
    previous = None
    for number, group in groupby(marks, lambda mark: mark.span.line):
        if previous is not None and number > previous + 1:
            text.append("...\n", _FRAME)
        previous = number
        for line, on_line in _shown_lines(list(group)):
            text.append(f"{number:>{width}} | ", _FRAME)
            text.append(f"{line.text.rstrip()}\n")
            for mark in on_line:
                _add_mark(text, line, mark, width, color)


def _shown_lines(marks: list[_Mark]) -> Iterator[tuple[ShownLine, list[_Mark]]]:
    """A line with all of its marks; a long line once for each mark, as it looks around that mark."""
    lines = [_shown_line(mark.span) for mark in marks]
    if lines[0].is_cut:
        for line, mark in zip(lines, marks, strict=True):
            yield line, [mark]
    else:
        yield lines[0], marks


def _shown_line(span: Span) -> ShownLine:
    return show_line(span.source.line(span.line), span.column, span.end_column)


def _add_mark(text: Text, line: ShownLine, mark: _Mark, width: int, color: str) -> None:
    start, length = line.cells(mark.span.column, mark.span.end_column)
    text.append(f"{' ' * width} | ", _FRAME)
    label = f" {printable(mark.text)}" if mark.text else ""
    sign, style = ("^", color) if mark.is_main else ("-", _FRAME)
    text.append(f"{' ' * start}{sign * length}{label}\n", style)


def _add_summary(text: Text, found: Sequence[Diagnostic], shown: Sequence[Diagnostic]) -> None:
    errors = [d for d in shown if not _is_warning(d)]
    if not errors:
        return
    warnings = sum(map(_is_warning, found))
    counts = [_counted(len(found) - warnings, "error")]
    if warnings:
        counts.append(_counted(warnings, "warning"))
    text.append(" and ".join(counts), "bold")
    text.append(f"; `mergec explain {errors[0].code}` says more\n")


def _counted(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"
