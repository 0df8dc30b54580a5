"""A part of a model."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from mergec.ir.model_table import ModelTable
from mergec.recipe.name_selection import apply_keep_drop
from mergec.recipe.pattern_list import parse_patterns
from mergec.recipe.recipe_model import Renames, Strict
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
    rename: Renames = Field(default=[], description="Rules that give the kept tensors new names")


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
        at = call.place.child
        keep = None if keys.keep is None else parse_patterns(keys.keep, at("keep"), call.report)
        drop = parse_patterns(keys.drop, at("drop"), call.report)
        entries = apply_keep_drop(model.entries, keep, drop, call.report)
        return ModelTable(call.name, renamed(entries, keys.rename, call), model.config)
