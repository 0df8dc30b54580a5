"""Adapters folded into a model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field, WithJsonSchema

from mergec.adapters.recognise import adapter_as_model, dialect_names, dialect_of
from mergec.recipe.pattern_list import select_names
from mergec.steps.adapter_use import AdapterUse, BaseView, read_adapter
from mergec.steps.align_errors import AdapterOfAnotherOrder
from mergec.steps.errors import BadOperation
from mergec.steps.fold import folded
from mergec.steps.operation import Call, ModelUse, Operation, named
from mergec.steps.where import RestrictedKeys

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mergec.ir.model_table import ModelTable
    from mergec.recipe.place import TreePlace

_SCHEDULE: dict[str, Any] = {"$ref": "#/$defs/Schedule"}
_OPTIONS: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "strength": {**_SCHEDULE, "description": "The factor of the fold; 1 if not given"},
        "dialect": {"enum": dialect_names(), "description": "How the adapter is written; else recognised"},
        "residual_base": {
            "type": "boolean",
            "description": "The base is the residual model that the adapter's initialisation left behind",
        },
    },
}
_ADAPTERS: dict[str, Any] = {
    "anyOf": [
        {"type": "array", "items": {"type": "string"}, "minItems": 1},
        {"type": "object", "additionalProperties": {"anyOf": [_SCHEDULE, _OPTIONS]}, "minProperties": 1},
    ]
}
_Names = Annotated[list[str], Field(min_length=1)]
_Mapping = Annotated[dict[str, Any], Field(min_length=1)]


class LoraKeys(RestrictedKeys):
    """The keys of `op: lora`."""

    base: str = Field(description="The model to fold the adapters into")
    adapters: Annotated[_Names | _Mapping, WithJsonSchema(_ADAPTERS)] = Field(
        description="The adapters, in the order in which they are folded, each with its strength"
    )


class Lora(Operation):
    """The base with adapters folded in: W + strength * (alpha / rank) * (B @ A) for a LoRA.

    The strength of each adapter is a schedule over the base's tensors: a number, a gradient, a mapping of
    patterns, or a block map; negative ones take a skill away, and at 0 nothing is read. For every kind of
    adapter, strength t makes of a weight W the value W + t * (fold(W) - W), so that t = 1 is what the
    adapter was trained to do. Adapters are folded in order, one after the other: a later one that scales or
    rotates does so to what the earlier ones made. DoRA takes its norms from the base's own weights and its
    own change.

    An adapter in the long form is {strength: 0.8, dialect: peft, residual_base: true}: `dialect` forces
    one, and `residual_base` says that the base is the residual model of a PiSSA, OLoRA, CorDA, LoRA-GA or
    LoftQ adapter. `mergec explain adapters` lists the dialects, the kinds that are folded and those that
    are refused.

    Every tensor of an adapter must be used: names or shapes that do not fit the base are errors, never
    skipped. `where` restricts the fold to some of the base's tensors. Full tensors in an adapter
    (modules_to_save, saved embeddings, trained biases and tokens) replace those of the base; config.json
    follows where the vocabulary grew.

    All is computed in float32, with products accumulated in float64, and rounded once to the dtype of the
    base. Two faults of PEFT are not reproduced: it adds the change of a MultiheadAttention's out_proj
    twice, and add_weighted_adapter scales rank-stabilised adapters by sqrt(rank) too much.
    """

    name = "lora"
    summary = "A model with adapters (LoRA and its relatives) folded in."
    keys = LoraKeys

    def inputs(self, keys: LoraKeys, place: TreePlace) -> Iterator[ModelUse]:
        """`base`, then the adapters."""
        yield named(place, "base", keys.base)
        at = place.child("adapters")
        for index, name in enumerate(keys.adapters):
            is_list = isinstance(keys.adapters, list)
            yield ModelUse(name, at.child(index).span() if is_list else at.key_span(name))

    def lower(self, keys: LoraKeys, call: Call) -> ModelTable:
        """The base's table with the folds applied."""
        base = call.models[keys.base]
        if dialect_of(base.entries, base.facts) is not None:
            call.report.add(adapter_as_model(keys.base, "`base`", call.place.child("base").span()))
            return base
        if _is_named_twice(keys, call):
            return base
        view = BaseView.of(base, call)
        uses: list[AdapterUse] = []
        for name, value, place in _listed(keys, call):
            use = read_adapter(name, value, place, view, call)
            if use is not None:
                uses.append(use)
        if len(uses) < len(keys.adapters):
            return base
        universe = dict.fromkeys([*view.entries, *(target for use in uses for target in use.targets)])
        chosen = universe
        if keys.where is not None:
            found = select_names(keys.where, universe, call.place.child("where"), call.report)
            chosen = {name: None for name in universe if name in found}
        _warn_of_another_order(base, uses, call)
        return folded(view, uses, chosen, call)


def _warn_of_another_order(base: ModelTable, uses: Sequence[AdapterUse], call: Call) -> None:
    """Report MC0373 for adapters that change what an alignment has permuted."""
    own = {claim.made: claim.own for claim in call.frames if claim.made is not None}
    for use in uses:
        nodes = (base.entries[target].node for target in use.targets if target in base.entries)
        before = next((own[node] for node in nodes if node in own), None)
        if before is not None:
            help_ = f"fold an adapter of `{before}` into it, and align what that makes with `using: {before}`"
            adapter, span = use.adapter.name, use.adapter.span
            call.report.add(
                AdapterOfAnotherOrder(span=span, adapter=adapter, base=base.name, own=before, help=help_)
            )


def _is_named_twice(keys: LoraKeys, call: Call) -> bool:
    """Whether the list has an adapter again; reports the second place."""
    for index, name in enumerate(keys.adapters):
        if isinstance(keys.adapters, list) and name in keys.adapters[:index]:
            problem = f"`adapters` names `{name}` twice"
            advice = f"leave one out; to fold it twice as strongly, write `adapters: {{{name}: 2}}`"
            span = call.place.child("adapters").child(index).span()
            call.report.add(BadOperation(span=span, operation="lora", problem=problem, help=advice))
            return True
    return False


def _listed(keys: LoraKeys, call: Call) -> Iterator[tuple[str, object, TreePlace]]:
    """The adapters' names, what the recipe says of each, and where."""
    place = call.place.child("adapters")
    if isinstance(keys.adapters, dict):
        yield from ((name, value, place.child(name)) for name, value in keys.adapters.items())
    else:
        yield from ((name, 1.0, place.child(index)) for index, name in enumerate(keys.adapters))
