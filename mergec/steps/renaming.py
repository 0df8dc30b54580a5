"""Rename rules inside a step: names only."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mergec.diagnostics import MergecError
from mergec.recipe.rename_rule import RenameRule, apply_rules

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mergec.ir.model_table import Entry
    from mergec.steps.operation import Call


def renamed(entries: Mapping[str, Entry], rules: Sequence[object], call: Call) -> dict[str, Entry]:
    """The entries under the names that the rules give them. Reports what is wrong with the rules."""
    place = call.place.child("rename")
    raise NotImplementedError
