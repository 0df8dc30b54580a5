"""Patterns applied to the names of a model: `where`, `take`, `keep`, `drop`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mergec.diagnostics import MergecError, nearest
from mergec.recipe.pattern import Pattern
from mergec.steps.errors import PatternMatchesNothing

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from mergec.diagnostics import Report
    from mergec.recipe.place import TreePlace


def select_names(
    patterns: Sequence[str], names: Collection[str], model: str, place: TreePlace, report: Report
) -> set[str]:
    """The names that any of the patterns matches. Reports patterns that match none (MC0308)."""
    selected: set[str] = set()
    for index, text in enumerate(patterns):
        span = place.child(index).span()
        try:
            matches = Pattern.parse(text, span).bind(names).matches
        except MergecError as error:
            for diagnostic in error.diagnostics:
                report.add(diagnostic)
            continue
        if not matches:
            near = nearest(text, names)
            help_ = f"similar names: {', '.join(f'`{n}`' for n in near)}" if near else None
            report.add(PatternMatchesNothing(span=span, pattern=text, model=model, help=help_))
        selected.update(matches)
    return selected
