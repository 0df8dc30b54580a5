"""Diagnostics as data for machines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mergec.diagnostics.diagnostic import Diagnostic
    from mergec.diagnostics.span import Span


def diagnostic_as_json(diagnostic: Diagnostic) -> dict[str, Any]:
    """One diagnostic. `place` is null where it is about no place of a text."""
    return {
        "code": diagnostic.code,
        "severity": diagnostic.severity.value,
        "message": diagnostic.message,
        "exit_code": int(diagnostic.exit_code),
        "place": _place(diagnostic.span) if diagnostic.span is not None else None,
        "label": diagnostic.label,
        "help": diagnostic.help,
        "notes": list(diagnostic.notes),
        "others": [{"place": _place(other.span), "label": other.text} for other in diagnostic.others],
    }


def _place(span: Span) -> dict[str, Any]:
    """Lines and columns count from 1; `end_column` is the one after the last character."""
    return {
        "file": span.source.name,
        "line": span.line,
        "column": span.column,
        "end_column": span.end_column,
    }
