"""Which rename presets lead from a checkpoint's layout to another one."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from mergec.cli.name_groups import grouped
from mergec.components.detect import components_of
from mergec.diagnostics import Report
from mergec.ir.dtype import DType
from mergec.ir.strided_view import StridedView
from mergec.recipe.rename_pass import apply_rules
from mergec.recipe.rename_preset import load_preset, preset_names

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mergec.cli.inspection.parts import Parts

_STRIPS = "strip-"


class FittingPreset(NamedTuple):
    """A preset, and the layout that the names have after it."""

    name: str
    leads_to: str


def fitting_presets(parts: Parts, config: Mapping[str, object]) -> Iterator[FittingPreset]:
    """The presets after which all names that had a place in a layout have one in another layout."""
    layout, components = parts.grouping.layout, parts.grouping.components
    # A language model alone is named alike in many layouts, and none of them is a place to go to.
    if layout is None or components.keys() <= {"language_model", "head"}:
        return
    # Layers that are alike go the same way: one name of each is enough.
    names = [name for component in components.values() for name in component.names]
    some = [names[group.members[0]] for group in grouped(names, str, lambda _: None)]
    views = {name: StridedView.contiguous(0, 0, DType.U8, (1,)) for name in some}
    reached: set[frozenset[str]] = set()
    # Of presets that do the same here, the one with the fewest rules is the one that is meant.
    for preset in sorted(preset_names(), key=lambda name: len(load_preset(name).rules)):
        if preset.startswith(_STRIPS):
            continue
        report = Report()
        renamed, uses = apply_rules(views, load_preset(preset).rules, "", report)
        if report.diagnostics or not any(use.count for use in uses):
            continue
        after = components_of(renamed, config or None)
        is_elsewhere = after.layout is not None and str(after.layout) != str(layout)
        if is_elsewhere and not after.unknown and frozenset(renamed) not in reached:
            reached.add(frozenset(renamed))
            yield FittingPreset(preset, str(after.layout))
