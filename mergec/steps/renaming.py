"""Rename rules inside a step: names only."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from mergec.recipe.rename_pass import apply_rules
from mergec.recipe.source_names import parse_rules
from mergec.steps.errors import BadOperation

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mergec.ir.layout import Layout
    from mergec.ir.model_table import Entry
    from mergec.steps.operation import Call


def renamed(entries: Mapping[str, Entry], rules: Sequence[object], call: Call) -> dict[str, Entry]:
    """The entries under the names that the rules give them. Reports what is wrong with the rules."""
    parsed = parse_rules(rules, call.place.child("rename"), call.report)
    good = [rule for rule in parsed if rule.change is None]
    # The rules of a preset share its place, where one message is enough.
    for span in dict.fromkeys(rule.span for rule in parsed if rule.change is not None):
        problem = "a rule that changes shapes belongs to the `rename:` of a source"
        advice = "move it to the source that holds these tensors: all models then have them in that form"
        call.report.add(BadOperation(span=span, operation="rename", problem=problem, help=advice))
    # Without shape changes the rules move values and never look at them.
    moved, _ = apply_rules(cast("Mapping[str, Layout]", entries), good, call.name, call.report)
    return cast("dict[str, Entry]", moved)
