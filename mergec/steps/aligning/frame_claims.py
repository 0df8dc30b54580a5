"""In which order the units of the models of an alignment are: what `check` is told of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mergec.ir.graph import FrameClaim

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from mergec.ir.matching import AlignedModel
    from mergec.ir.model_table import Entry, ModelTable
    from mergec.steps.operation import Call


def claim_frames(
    entries: Mapping[str, Entry],
    model: ModelTable,
    matched: Iterable[ModelTable],
    anchor: ModelTable,
    aligned: AlignedModel,
    call: Call,
) -> None:
    """`entries` are those of `model`, in the order of the aligned model, put into the anchor's order.

    The models that are `matched` with it are in orders of their own as well, whatever becomes of them.
    """
    symmetry, own = aligned.symmetry, aligned.model.name
    groups = {
        name: frozenset(
            symmetry.groups[group].name for group in tensor.groups() if not symmetry.groups[group].is_frozen
        )
        for tensor in symmetry.tensors
        for name in tensor.names
    }
    moved = [name for name, entry in entries.items() if entry.node != model.entries[name].node]
    for name in moved:
        anchored, before = anchor.entries[name].node, model.entries[name].node
        made = FrameClaim(call.name, own, entries[name].node, before, anchored, call.span, groups[name])
        others = (
            FrameClaim(
                call.name, other.name, None, other.entries[name].node, anchored, call.span, groups[name]
            )
            for other in matched
            if other is not model
        )
        call.frames.extend((made, *others))
