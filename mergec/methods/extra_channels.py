"""Models whose first convolution reads more channels: inpainting and pix2pix models beside plain ones."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from mergec.diagnostics import Label
from mergec.ir.expression import Tensor, concatenated
from mergec.ir.graph import Remark
from mergec.ir.model_table import Entry
from mergec.methods.errors import ExtraChannels

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from mergec.diagnostics import Span
    from mergec.ir.model_table import ModelTable
    from mergec.ir.strided_view import Shape
    from mergec.methods.arguments import MethodModels
    from mergec.methods.method import Method
    from mergec.steps.operation import Call

_PLAIN = 4  # channels of a latent image
_EXTRA = {8, 9}  # it and the latent image to be edited; it, the masked one and the mask
_AXES = 4
_AXIS = 1


def without_extra_channels(
    method: Method, models: MethodModels, names: Sequence[str], call: Call
) -> tuple[MethodModels, dict[str, Tensor]]:
    """The models with what is merged of each tensor, and by name what the first one holds beyond that.

    The first model may have the channels that the others lack. Where another has, it is reported.
    """
    if method.may_grow:  # it has a rule of its own for larger tensors
        return models, {}
    tables = models.merged()
    mixed = [
        name
        for name in names
        if not all(table.entries[name].dtype.is_integral for table in tables)  # those are carried whole
        and _are_mixed([_shape(table, name, call) for table in tables])
    ]
    wrong = [(name, at) for name in mixed for at in _extra(tables, name, call) if at > 0]
    if wrong:
        _refuse(method, models, wrong, call)
    if wrong or not mixed:
        return models, {}
    first = tables[0]
    what = f"merged in the first {_PLAIN} channels, the others kept from {first.name}"
    call.remarks.append(Remark(call.name, what, tuple(mixed)))
    wholes = {name: Tensor(call.graph, first.entries[name].node, call.span) for name in mixed}
    rests = {name: whole.part(_AXIS, _PLAIN, whole.shape[_AXIS]) for name, whole in wholes.items()}
    narrowed = replace(
        models,
        named={key: _narrowed(table, mixed, call) for key, table in models.named.items()},
        listed={key: _narrowed(table, mixed, call) for key, table in models.listed.items()},
        companions={
            key: tuple(_narrowed(table, mixed, call) for table in some)
            for key, some in models.companions.items()
        },
    )
    return narrowed, rests


def with_extra_channels(
    entries: Mapping[str, Entry], rests: Mapping[str, Tensor], call: Call
) -> dict[str, Entry]:
    """The merged tensors, each with the channels that took no part."""
    whole = dict(entries)
    for name, rest in rests.items():
        merged = Tensor(call.graph, entries[name].node, call.span)
        kept = rest.cast(merged.dtype)
        if merged.degree is not None and kept.degree != merged.degree:
            kept = kept.with_degree(merged.degree)
        node = concatenated([merged, kept], _AXIS).node
        if merged.node in call.told:
            call.told.setdefault(node, call.told[merged.node])
        whole[name] = Entry(node, entries[name].dtype)
    return whole


def _are_mixed(shapes: Sequence[Shape]) -> bool:
    """Whether some have extra channels and the others are plain, and nothing else is different."""
    if any(len(shape) != _AXES for shape in shapes):
        return False
    channels = {shape[_AXIS] for shape in shapes}
    others = {(*shape[:_AXIS], *shape[_AXIS + 1 :]) for shape in shapes}
    return len(others) == 1 and _PLAIN in channels and len(channels) > 1 and channels <= {_PLAIN, *_EXTRA}


def _shape(table: ModelTable, name: str, call: Call) -> Shape:
    return call.graph.type(table.entries[name].node).shape


def _extra(tables: Sequence[ModelTable], name: str, call: Call) -> Iterator[int]:
    """The places of the models that have extra channels."""
    return (at for at, table in enumerate(tables) if _shape(table, name, call)[_AXIS] != _PLAIN)


def _narrowed(table: ModelTable, names: Sequence[str], call: Call) -> ModelTable:
    """The model without extra channels."""
    parts: dict[str, Entry] = {}
    for name in names:
        node, dtype = table.entries[name]
        shape = _shape(table, name, call)
        if len(shape) == _AXES and shape[_AXIS] in _EXTRA:
            part = Tensor(call.graph, node, call.span).part(_AXIS, 0, _PLAIN)
            parts[name] = Entry(part.node, dtype)
    return replace(table, entries={**table.entries, **parts})


def _refuse(method: Method, models: MethodModels, wrong: Sequence[tuple[str, int]], call: Call) -> None:
    """Report the first tensor of each model that has channels which it must not have."""
    places, tables = _places(method, models, call), models.merged()
    for at in dict.fromkeys(at for _, at in wrong):
        tensor = next(name for name, one in wrong if one == at)
        own, first = (_shape(table, tensor, call)[_AXIS] for table in (tables[at], tables[0]))
        plain = "the plain model that it was made from"
        help_ = f"name it first, or use {plain}" if first == _PLAIN else f"use {plain}"
        call.report.add(
            ExtraChannels(
                span=places[at],
                model=tables[at].name,
                channels=own,
                tensor=tensor,
                others=(Label(places[0], f"the first model, which has {first}"),),
                help=help_,
            )
        )


def _places(method: Method, models: MethodModels, call: Call) -> list[Span]:
    """Where the recipe names each of the merged models."""
    keys = {p.argument: p.key for p in method.parameters}
    named = [call.place.child(keys[argument]).span() for argument in models.named]
    return [*named, *(models.places[name].name_span() for name in models.listed)]
