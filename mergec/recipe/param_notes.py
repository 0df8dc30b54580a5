"""What `--set` has to do with a finding."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from mergec.diagnostics import safe
from mergec.recipe.params import uses_in

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from mergec.diagnostics import Diagnostic, Span


def with_parameters(found: Iterable[Diagnostic], overrides: Mapping[str, str]) -> list[Diagnostic]:
    """The findings, those that point at `${name}` with a note of the value that it was given.

    The recipe shows another value, or none, so that the text alone would mislead.
    """
    if not overrides:
        return list(found)
    return [_with_notes(one, overrides) for one in found]


def _with_notes(one: Diagnostic, overrides: Mapping[str, str]) -> Diagnostic:
    spans = [span for span in (one.span, *(label.span for label in one.others)) if span is not None]
    names = dict.fromkeys(name for span in spans for name in _names_at(span) if name in overrides)
    notes = (f"`${{{safe(name)}}}` is `{safe(overrides[name])}` here, by `--set`" for name in names)
    return replace(one, notes=(*one.notes, *notes))


def _names_at(span: Span) -> list[str]:
    """The parameters that are used in some of a span's characters."""
    uses = uses_in(span.source.line(span.line))
    return [name for name, start, end in uses if start < span.end_column - 1 and end > span.column - 1]
