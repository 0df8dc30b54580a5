"""Models laid over another."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from mergec.ir.model_table import ModelTable
from mergec.steps.operation import Call, ModelUse, Operation, named
from mergec.steps.where import RestrictedKeys, restricted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mergec.recipe.place import TreePlace


class OverrideKeys(RestrictedKeys):
    """The keys of `op: override`."""

    base: str = Field(description="The model to lay the others over")
    with_: list[str] = Field(alias="with", min_length=1, description="The models to lay over it, in order")


class Override(Operation):
    """Every tensor of `with` replaces the one of the same name in `base`, or is added.

    Later models of `with` win. With models that share no names this is a union: the way to put a
    model together from parts.
    """

    name = "override"
    summary = "Models laid over another; with disjoint names, their union."
    keys = OverrideKeys

    def inputs(self, keys: OverrideKeys, place: TreePlace) -> Iterator[ModelUse]:
        """`base`, then the models of `with`."""
        yield named(place, "base", keys.base)
        for index, name in enumerate(keys.with_):
            yield ModelUse(name, place.child("with").child(index).span())

    def lower(self, keys: OverrideKeys, call: Call) -> ModelTable:
        """The union of the tables, later ones first."""
        base = call.models[keys.base]
        entries = dict(base.entries)
        for name in keys.with_:
            entries.update(call.models[name].entries)
        result = ModelTable(call.name, entries, base.config)
        return restricted(result, base, keys, call)
