"""A part of a model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field, WithJsonSchema

from mergec.ir.model_table import ModelTable
from mergec.recipe.pattern_list import select_names
from mergec.recipe.recipe_model import RENAME_SCHEMA, Strict
from mergec.steps.operation import Call, ModelUse, Operation, named
from mergec.steps.renaming import renamed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mergec.recipe.place import TreePlace


class SelectKeys(Strict):
    """The keys of `op: select`."""

    model: str = Field(description="The model to take a part of")
    keep: list[str] | None = Field(default=None, description="Patterns of the tensors to keep; default: all")
    drop: list[str] = Field(default=[], description="Patterns of the tensors to leave out of those")
    rename: Annotated[list[Any], WithJsonSchema({"type": "array", "items": RENAME_SCHEMA})] = Field(
        default=[], description="Rules that give the kept tensors new names"
    )


class Select(Operation):
    """The tensors of a model that `keep` matches and `drop` does not, under new names if wanted."""

    name = "select"
    summary = "A part of a model, under new names if wanted."
    keys = SelectKeys

    def inputs(self, keys: SelectKeys, place: TreePlace) -> Iterator[ModelUse]:
        """`model`."""
        yield named(place, "model", keys.model)

    def lower(self, keys: SelectKeys, call: Call) -> ModelTable:
        """The chosen entries."""
        model = call.models[keys.model]
        entries = dict(model.entries)
        if keys.keep is not None:
            kept = select_names(keys.keep, entries, call.place.child("keep"), call.report)
            entries = {name: entry for name, entry in entries.items() if name in kept}
        dropped = select_names(keys.drop, entries, call.place.child("drop"), call.report)
        entries = {name: entry for name, entry in entries.items() if name not in dropped}
        return ModelTable(call.name, renamed(entries, keys.rename, call), model.config)
