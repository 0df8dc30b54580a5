"""Places in a text that a user wrote."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property


@dataclass(frozen=True)
class SourceText:
    """A named text. The name is what a diagnostic prints after the arrow."""

    name: str
    text: str = field(repr=False)

    def line(self, number: int) -> str:
        """The line with this 1-based number, without its line break; empty past the end."""
        return self._lines[number - 1] if 0 < number <= len(self._lines) else ""

    @cached_property
    def _lines(self) -> list[str]:
        return self.text.splitlines()


@dataclass(frozen=True, slots=True)
class Span:
    """A run of characters on one line of a text. Lines and columns count from 1.

    A construct that covers several lines is represented by its first line:
    that is where the eye should go, and a caret line cannot show more.
    """

    source: SourceText
    line: int
    column: int
    end_column: int

    def sub(self, start: int, length: int) -> Span:
        """The part that begins `start` characters into this span, kept inside it."""
        begin = min(self.column + start, self.end_column)
        return Span(self.source, self.line, begin, min(begin + max(length, 1), self.end_column))

    def __str__(self) -> str:
        return f"{self.source.name}:{self.line}:{self.column}"
