"""What a user is told about a mistake, as data."""

from __future__ import annotations

import string
from dataclasses import dataclass, fields
from enum import Enum, IntEnum
from typing import TYPE_CHECKING, ClassVar, Self, TypeVar, dataclass_transform

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

    def __new__(cls, **_facts: object) -> Self:
        """Complete the class as a dataclass when it is first needed.

        Most runs report nothing, and making a hundred dataclasses would cost a command 40 ms.
        """
        if "__dataclass_fields__" not in cls.__dict__:
            dataclass(frozen=True, kw_only=True)(cls)
        return super().__new__(cls)

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
    """Declare a diagnostic class: a frozen dataclass with keyword fields, registered under its code."""

    def register(cls: type[_D]) -> type[_D]:
        if code in _REGISTRY:
            raise TypeError(f"two diagnostics claim {code}")
        cls.code, cls.title, cls.severity, cls.exit_code = code, title, severity, exit_code
        _REGISTRY[code] = cls
        return cls

    return register


def registered_diagnostics() -> dict[str, type[Diagnostic]]:
    """All diagnostics whose modules have been imported, sorted by code."""
    return dict(sorted(_REGISTRY.items()))
