"""How the parsers of plain values find out where a value was written."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from mergec.diagnostics import Span


class Place(Protocol):
    """The place of one value in a text. Asked only when a message needs it."""

    def span(self) -> Span | None:
        """Where the value is written."""
        ...

    def key_span(self, key: str, /) -> Span | None:
        """Where the key of an entry of this mapping is written."""
        ...

    def child(self, key: str | int, /) -> Place:
        """The place of an entry of this mapping or an item of this list."""
        ...


class NoPlace:
    """The place of a value that comes from no text, such as one from the Python interface."""

    def span(self) -> None:
        """Nowhere."""

    def key_span(self, _key: str, /) -> None:
        """Nowhere."""

    def child(self, _key: str | int, /) -> NoPlace:
        """Nowhere either."""
        return self


def within(span: Span | None, start: int, length: int) -> Span | None:
    """The part of a text scalar that begins `start` characters into its value.

    Behind a parameter, whose value has another length than its name, nothing can be told apart: there
    it is the whole scalar.
    """
    if span is None:
        return None
    use = span.source.line(span.line)[span.column - 1 : span.end_column - 1].find("${")
    part = within_written(span, start, length)
    return span if use >= 0 and part.end_column > span.column + use else part


def within_written(span: Span, start: int, length: int) -> Span:
    """The part of a text scalar that begins `start` characters into its text as it is written.

    The span of a quoted scalar begins at its quote; escapes inside double quotes shift what
    follows them, which is accepted: the caret then is a little off.
    """
    quote = span.source.line(span.line)[span.column - 1 : span.column]
    return span.sub(start + (quote in {'"', "'"}), length)
