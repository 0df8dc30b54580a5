"""Lists of patterns in a recipe: `where`, `take`, `keep`, `drop`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mergec.diagnostics import MergecError
from mergec.recipe.name_selection import matched_names
from mergec.recipe.pattern import Pattern

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from mergec.diagnostics import Report
    from mergec.recipe.value_place import Place


def parse_patterns(texts: Sequence[str], place: Place, report: Report) -> list[Pattern]:
    """The patterns of a list; what is wrong with them is reported and left out."""
    patterns: list[Pattern] = []
    for index, text in enumerate(texts):
        try:
            patterns.append(Pattern.parse(text, place.child(index).span()))
        except MergecError as error:
            report.extend(error.diagnostics)
    return patterns


def select_names(texts: Sequence[str], names: Collection[str], place: Place, report: Report) -> set[str]:
    """The names that any of the patterns matches. Reports patterns that are wrong or match none."""
    return matched_names(parse_patterns(texts, place, report), names, report)
