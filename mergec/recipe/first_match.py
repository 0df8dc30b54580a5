"""The rule of all schedules: the first pattern that matches a tensor decides."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from mergec.recipe.name_errors import ShadowedEntry

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from mergec.diagnostics import Report
    from mergec.recipe.pattern import Pattern

V = TypeVar("V")


def first_match(entries: Iterable[tuple[Pattern, Mapping[str, V]]], report: Report | None) -> dict[str, V]:
    """Each tensor's value from the first entry that has one.

    Adds the warning MC0128 to `report` for an entry that is never the first. Entries without any
    tensor are the caller's to refuse.
    """
    taken: dict[str, V] = {}
    for pattern, values in entries:
        before = len(taken)
        for name, value in values.items():
            taken.setdefault(name, value)
        if report is not None and values and len(taken) == before:
            help_ = "move it above the more general entries, or remove it"
            report.add(ShadowedEntry(span=pattern.span, pattern=pattern.text, help=help_))
    return taken
