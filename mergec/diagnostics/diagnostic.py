"""What a user is told about a mistake, as data."""

from __future__ import annotations

import string
from dataclasses import dataclass, fields
from enum import Enum, IntEnum
from typing import TYPE_CHECKING, ClassVar, TypeVar, dataclass_transform

from mergec.diagnostics.safe_text import safe

if TYPE_CHECKING:
    from collections.abc import Callable

    from mergec.diagnostics.span import Span


class Severity(Enum):
    """How bad it is. Errors stop the stage that reports them, warnings do not."""

    ERROR = "error"
    WARNING = "warning"


class ExitCode(IntEnum):
    """The process exit codes of the language reference, section 8."""

    DONE = 0
    RECIPE = 1
    USAGE = 2
    LOCK = 3
    VERIFICATION = 4
    SOURCE = 5
    RESOURCES = 6
    INTERNAL = 7
    INTERRUPTED = 130
    TERMINATED = 143


@dataclass(frozen=True, slots=True)
class Label:
    """A remark at a second place in the recipe."""

    span: Span
    text: str


@dataclass(frozen=True, kw_only=True)
class Diagnostic:
    """The base of all diagnostics: text on the class, facts in the fields.

    `title` is a format string over the fields. The class docstring is the long text that
    `mergec explain CODE` prints.
    """

    code: ClassVar[str]
    title: ClassVar[str]
    severity: ClassVar[Severity]
    exit_code: ClassVar[ExitCode]

    span: Span | None = None
    label: str = ""
    help: str | None = None
    notes: tuple[str, ...] = ()
    others: tuple[Label, ...] = ()

    @property
    def message(self) -> str:
        """The title with this diagnostic's facts filled in, safe to print."""
        facts = {f.name: safe(getattr(self, f.name)) for f in fields(self) if f.name not in _COMMON}
        return string.Formatter().vformat(type(self).title, (), facts)


_COMMON = frozenset(f.name for f in fields(Diagnostic))
_REGISTRY: dict[str, type[Diagnostic]] = {}
_D = TypeVar("_D", bound=Diagnostic)


@dataclass_transform(frozen_default=True, kw_only_default=True)
def diagnostic(
    code: str,
    title: str,
    *,
    exit_code: ExitCode = ExitCode.RECIPE,
    severity: Severity = Severity.ERROR,
) -> Callable[[type[_D]], type[_D]]:
    """Declare a diagnostic class: a frozen dataclass, registered under its code."""

    def register(cls: type[_D]) -> type[_D]:
        made = dataclass(frozen=True, kw_only=True)(cls)
        if code in _REGISTRY:
            message = f"two diagnostics claim {code}"
            raise TypeError(message)
        made.code, made.title, made.severity, made.exit_code = code, title, severity, exit_code
        _REGISTRY[code] = made
        return made

    return register


def registered_diagnostics() -> dict[str, type[Diagnostic]]:
    """All diagnostics whose modules have been imported, sorted by code."""
    return dict(sorted(_REGISTRY.items()))
