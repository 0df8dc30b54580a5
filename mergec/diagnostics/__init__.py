"""Diagnostics: codes, spans and the way a stage reports. Errors of the tool itself: MC09xx."""

from mergec.diagnostics.diagnostic import (
    Diagnostic,
    ExitCode,
    Label,
    Severity,
    diagnostic,
    registered_diagnostics,
)
from mergec.diagnostics.error import MergecError, Report
from mergec.diagnostics.nearest import did_you_mean, nearest
from mergec.diagnostics.safe_text import safe
from mergec.diagnostics.span import SourceText, Span

__all__ = [
    "Diagnostic",
    "ExitCode",
    "Label",
    "MergecError",
    "Report",
    "Severity",
    "SourceText",
    "Span",
    "diagnostic",
    "did_you_mean",
    "nearest",
    "registered_diagnostics",
    "safe",
]
