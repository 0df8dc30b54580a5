"""What the YAML parser says about a text that it refuses, and where."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from mergec.diagnostics import Span

if TYPE_CHECKING:
    import yaml

    from mergec.diagnostics import SourceText


class Mark(NamedTuple):
    """A place the parser names, counted from 0."""

    line: int
    column: int


class Failure(NamedTuple):
    """What the parser said: the problem and its place, what it was doing, and where that began."""

    source: SourceText
    problem: str
    at: Mark
    context: str
    begin: Mark

    def text(self, line: int) -> str:
        """A line, counted from 0."""
        return self.source.line(line + 1)

    def span(self, line: int, start: int, end: int) -> Span:
        """A part of a line, at least one character; counted from 0."""
        return Span(self.source, line + 1, start + 1, max(end, start + 1) + 1)

    @property
    def here(self) -> Span:
        """The problem's place."""
        return self.span(self.at.line, self.at.column, self.at.column + 1)

    @property
    def rest(self) -> str:
        """The line from the problem on."""
        return self.text(self.at.line)[self.at.column :]

    @property
    def before(self) -> str:
        """The line up to the problem."""
        return self.text(self.at.line)[: self.at.column]


def failure_of(source: SourceText, error: yaml.YAMLError) -> Failure:
    """What the parser told by its error; a problem without a place is at the beginning."""
    problem = str(getattr(error, "problem", None) or "not YAML")
    context = str(getattr(error, "context", None) or "")
    at, begin = getattr(error, "problem_mark", None), getattr(error, "context_mark", None)
    mark = Mark(at.line, at.column) if at is not None else Mark(0, 0)
    return Failure(
        source, problem, mark, context, Mark(begin.line, begin.column) if begin is not None else mark
    )
