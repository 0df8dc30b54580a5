"""What there is to say about a code, whatever its facts are."""

from __future__ import annotations

import inspect
import string
from typing import TYPE_CHECKING

from mergec.diagnostics.diagnostic import Severity

if TYPE_CHECKING:
    from mergec.diagnostics.diagnostic import Diagnostic

_MORE_FIELDS = {"more", "others_text"}  # "and 12 more"


def explanation(of: type[Diagnostic]) -> str:
    """The page of a code: its title, what becomes of the run, and the long text."""
    head = f"{of.code}: {general_title(of)}"
    is_warning = of.severity is Severity.WARNING
    kind = "warning" if is_warning else f"error, exit code {int(of.exit_code)}"
    return "\n".join([head, kind, "", long_text(of)])


def general_title(of: type[Diagnostic]) -> str:
    """The title with `<name>` where a fact goes."""
    parts = []
    for text, field, _, _ in string.Formatter().parse(of.title):
        parts.append(text)
        if field is not None and field not in _MORE_FIELDS:
            parts.append(f"<{field}>")
    return "".join(parts)


def long_text(of: type[Diagnostic]) -> str:
    """Why there is such a diagnostic, and what to do about it."""
    return inspect.getdoc(of) or ""
