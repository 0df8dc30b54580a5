"""Parts of one model put into another."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from mergec.ir.graph import Remark
from mergec.ir.model_table import ModelTable
from mergec.recipe.pattern_list import select_names
from mergec.recipe.recipe_model import Renames
from mergec.steps.operation import Call, ModelUse, Operation, named
from mergec.steps.renaming import renamed
from mergec.steps.where import RestrictedKeys, restricted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mergec.recipe.place import TreePlace


class GraftKeys(RestrictedKeys):
    """The keys of `op: graft`."""

    into: str = Field(description="The model to change")
    from_: str = Field(alias="from", description="The model to take tensors from")
    take: list[str] = Field(min_length=1, description="Patterns of the tensors of `from` to take")
    rename: Renames = Field(
        default=[], description="Rules that give the taken tensors their names in the result"
    )


class Graft(Operation):
    """`into`, with some tensors replaced by, or added from, `from`.

    `take` says which, by the names that they have in `from`; `rename` then gives them the names that
    they have in `into`. Tensors that `into` has already are replaced, others are added. A replaced
    tensor may have another shape or dtype. Nothing is computed: the bytes are copied.
    """

    name = "graft"
    summary = "A model with some tensors replaced by, or added from, another."
    keys = GraftKeys

    def inputs(self, keys: GraftKeys, place: TreePlace) -> Iterator[ModelUse]:
        """`into`, then `from`."""
        yield named(place, "into", keys.into)
        yield named(place, "from", keys.from_)

    def lower(self, keys: GraftKeys, call: Call) -> ModelTable:
        """The table of `into` with the taken entries put over it."""
        into, donor = call.models[keys.into], call.models[keys.from_]
        chosen = select_names(keys.take, donor.entries, call.place.child("take"), call.report)
        taken = {name: entry for name, entry in donor.entries.items() if name in chosen}
        taken = renamed(taken, keys.rename, call)
        result = ModelTable(call.name, {**into.entries, **taken}, into.config)
        result = restricted(result, into, keys, call)
        moved = [name for name, entry in taken.items() if result.entries.get(name) is entry]
        replaced = tuple(name for name in moved if name in into.entries)
        added = tuple(name for name in moved if name not in into.entries)
        for what, names in (("replaced from", replaced), ("added from", added)):
            if names:
                call.remarks.append(Remark(call.name, f"{what} {donor.name}", names))
        return result
