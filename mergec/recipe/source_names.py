"""`keep`, `drop` and `rename` of a source, in this order."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mergec.diagnostics import MergecError
from mergec.recipe.name_selection import apply_keep_drop
from mergec.recipe.pattern_list import parse_patterns
from mergec.recipe.rename_pass import RuleUse, apply_rules
from mergec.recipe.rename_preset import is_preset, preset_rules
from mergec.recipe.rename_rule import RenameRule

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mergec.diagnostics import Report
    from mergec.ir.layout import Layout
    from mergec.recipe.recipe_model import SourceSpec
    from mergec.recipe.value_place import Place


def named_by_source(
    tensors: Mapping[str, Layout], spec: SourceSpec, source: str, place: Place, report: Report
) -> tuple[dict[str, Layout], list[RuleUse]]:
    """The tensors that the source keeps, under the names that its rules give, and what each rule did.

    Reports patterns and rules that are wrong or do not fit the names.
    """
    keep = parse_patterns(spec.keep, place.child("keep"), report) if spec.keep is not None else None
    drop = parse_patterns(spec.drop, place.child("drop"), report)
    kept = apply_keep_drop(tensors, keep, drop, report)
    return apply_rules(kept, parse_rules(spec.rename, place.child("rename"), report), source, report)


def parse_rules(values: Sequence[object], place: Place, report: Report) -> list[RenameRule]:
    """The rules of a list, those of presets among them; what is wrong is reported and left out."""
    rules: list[RenameRule] = []
    for index, value in enumerate(values):
        at = place.child(index)
        try:
            rules.extend(preset_rules(value, at) if is_preset(value) else [RenameRule.parse(value, at)])
        except MergecError as error:
            report.extend(error.diagnostics)
    return rules
