"""Parts of one model put into another."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import ConfigDict, Field

from mergec.components.errors import TakeOrComponent
from mergec.diagnostics import MergecError
from mergec.ir.graph import Remark
from mergec.ir.model_table import ModelTable
from mergec.recipe.pattern_list import select_names
from mergec.recipe.recipe_model import Renames
from mergec.steps.component_move import with_component
from mergec.steps.operation import Call, ModelUse, Operation, named
from mergec.steps.renaming import renamed
from mergec.steps.where import RestrictedKeys, restricted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mergec.recipe.place import TreePlace


ComponentName = Literal["vision_tower", "audio_tower", "connector", "language_model", "head"]


class GraftKeys(RestrictedKeys):
    """The keys of `op: graft`."""

    model_config = ConfigDict(
        json_schema_extra={"oneOf": [{"required": ["take"]}, {"required": ["component"]}]}
    )

    into: str = Field(description="The model to change")
    from_: str = Field(alias="from", description="The model to take tensors from")
    take: list[str] | None = Field(
        default=None, min_length=1, description="Patterns of the tensors of `from` to take"
    )
    component: ComponentName | None = Field(
        default=None, description="The component of `from` to take, instead of `take`"
    )
    rename: Renames = Field(
        default=[], description="Rules that give the taken tensors their names in the result"
    )


class Graft(Operation):
    """`into`, with some tensors replaced by, or added from, `from`.

    `take` says which, by the names that they have in `from`; `rename` then gives them the names that
    they have in `into`. Tensors that `into` has already are replaced, others are added. A replaced
    tensor may have another shape or dtype. Nothing is computed: the bytes are copied.

    `component` says it by the name of a part instead: vision_tower, audio_tower, connector,
    language_model or head. The part is found in both models by the layouts of the families that are
    known (`mergec inspect` shows it), its names become those of the layout of `into`, and the tensors
    that `into` had in that part are left out, so that a deeper or wider tower is fine. config.json gets
    the donor's settings for the part (`vision_config`, `mm_vision_tower`, ...), and with a tower come the
    donor's files of the image or audio processor, with a language model its tokenizer and
    generation_config.json. The head does not come with the language model: take it with another graft.
    Where `where` lets only some tensors of the part come, config.json and the files stay as they are.
    `rename`, if given, then changes the new names.

    Where parts meet they must fit: the connector's input is the width of the tower (times the number of
    its vectors that come in as one), its output the hidden size of the language model, and the ids that
    stand for images are rows of the embeddings. That is judged on the output, so that a tower and the
    connector that fits to it may come one after the other; `mergec plan` lists each of them.
    """

    name = "graft"
    summary = "A model with some tensors, or a whole component, from another."
    keys = GraftKeys

    def inputs(self, keys: GraftKeys, place: TreePlace) -> Iterator[ModelUse]:
        """`into`, then `from`."""
        yield named(place, "into", keys.into)
        yield named(place, "from", keys.from_)

    def lower(self, keys: GraftKeys, call: Call) -> ModelTable:
        """The table of `into` with the taken entries put over it."""
        into, donor = call.models[keys.into], call.models[keys.from_]
        if (keys.take is None) == (keys.component is None):
            found = "neither `take` nor `component`" if keys.take is None else "both `take` and `component`"
            help_ = "write `take:` with patterns, or `component:` with the name of a part"
            call.report.add(TakeOrComponent(span=call.span, found=found, help=help_))
            return into
        if keys.component is None:
            return _with_taken(keys, into, donor, call)
        try:
            return with_component(keys.component, into, donor, keys, call)
        except MergecError as error:
            call.report.extend(error.diagnostics)
            return into


def _with_taken(keys: GraftKeys, into: ModelTable, donor: ModelTable, call: Call) -> ModelTable:
    chosen = select_names(keys.take or [], donor.entries, call.place.child("take"), call.report)
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
