"""Which groups a step keeps as they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mergec.diagnostics import MergecError
from mergec.recipe.pattern import Pattern
from mergec.symmetries.group_names import unknown_group

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mergec.diagnostics import Report
    from mergec.recipe.value_place import Place
    from mergec.symmetries.placed import PlacedGroups, Symbol

_BEFORE_GROUP = "/"


def frozen(freeze: Sequence[str], groups: PlacedGroups, place: Place, report: Report) -> frozenset[Symbol]:
    """The groups of these names: `ffn` of all layers, `model.layers.[0:4]/ffn` of some. Reports MC0513.

    Whatever the table calls equal to such a group is meant as well. Freezing a parent leaves its families
    free.
    """
    found: set[Symbol] = set()
    known = {name for group in groups.parents for name in groups.names[group]}
    layers = dict.fromkeys(group.layer for group in groups.parents)
    for index, text in enumerate(freeze):
        span = place.child(index).span()
        layer, slash, name = text.rpartition(_BEFORE_GROUP)
        try:
            within = Pattern.parse(layer, span).bind(layers) if slash else layers
        except MergecError as error:
            report.extend(error.diagnostics)
            continue
        meant = {one for one in groups.parents if name in groups.names[one] and one.layer in within}
        if not meant:
            report.add(unknown_group(text, known, span))
        found |= meant
    return frozenset(found)
