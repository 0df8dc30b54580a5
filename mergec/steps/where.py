"""`where:` on operations that take tensors as they are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from mergec.ir.model_table import ModelTable
from mergec.recipe.pattern_list import select_names
from mergec.recipe.recipe_model import Strict

if TYPE_CHECKING:
    from mergec.steps.operation import Call

Where = Annotated[
    list[str] | None,
    Field(min_length=1, description="Patterns of the tensors to work on; others come from the first input"),
]


class RestrictedKeys(Strict):
    """The keys of an operation that may be restricted to some tensors."""

    where: Where = None


def restricted(result: ModelTable, first: ModelTable, keys: RestrictedKeys, call: Call) -> ModelTable:
    """The result for the tensors that `where` matches, the first input for all others."""
    if keys.where is None:
        return result
    universe = dict.fromkeys([*first.entries, *result.entries])
    chosen = select_names(keys.where, universe, call.place.child("where"), call.report)
    entries = {
        name: table.entries[name]
        for name in universe
        if name in (table := result if name in chosen else first).entries
    }
    return ModelTable(result.name, entries, result.config)
