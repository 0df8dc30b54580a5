"""Findings about many tensors of an adapter, told once."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mergec.diagnostics import Diagnostic

_SHOWN = 3


def summed_up(problems: Iterable[Diagnostic]) -> list[Diagnostic]:
    """The first finding of each kind, with the notes of the next ones and their number.

    What is wrong with one layer of an adapter mostly is with all. A finding that takes no number, or that
    is the same for several layers, is about the whole adapter: it is told once, however many led to it.
    """
    kinds: dict[object, list[Diagnostic]] = {}
    for one in dict.fromkeys(problems):
        kinds.setdefault((type(one), one.span) if _takes_number(one) else one, []).append(one)
    return [_joined(alike) for alike in kinds.values()]


def _takes_number(one: Diagnostic) -> bool:
    return any(field.name == "more" for field in fields(one))


def _joined(alike: list[Diagnostic]) -> Diagnostic:
    first, *others = alike
    if not others or not _takes_number(first):
        return first
    notes = dict.fromkeys(note for one in alike[:_SHOWN] for note in one.notes)
    return replace(first, notes=tuple(notes), more=f" and {len(others)} more")  # type: ignore[call-arg]
