"""Layer stacking."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from pydantic import Field

from mergec.diagnostics import MergecError, safe
from mergec.ir.graph import Remark
from mergec.ir.model_table import Entry, ModelTable
from mergec.recipe.pattern import Pattern
from mergec.recipe.recipe_model import Strict
from mergec.steps.errors import BadLayers
from mergec.steps.operation import Call, ModelUse, Operation

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mergec.diagnostics import Span
    from mergec.recipe.pattern import BoundPattern
    from mergec.recipe.place import TreePlace


class SliceKeys(Strict):
    """One run of layers."""

    model: str = Field(description="The model to take layers from")
    layers: str = Field(description='The list of layers and the range of indices: "model.layers.[0:16]"')


class LayersKeys(Strict):
    """The keys of `op: layers`."""

    slices: list[SliceKeys] = Field(min_length=1, description="Runs of layers, stacked in this order")


class Layers(Operation):
    """Layers of one or several models stacked and numbered anew (depth up-scaling, "frankenmerge").

    Each slice names a list of layers and a half-open range in it. All tensors outside of that list
    (embeddings, final norm, head) come from the first slice's model. The result's layers are numbered
    from 0 and `num_hidden_layers` (`n_layer`, `num_layers`) in config.json follows.
    """

    name = "layers"
    summary = "Layers of one or several models stacked and numbered anew."
    keys = LayersKeys

    def inputs(self, keys: LayersKeys, place: TreePlace) -> Iterator[ModelUse]:
        """The models of the slices."""
        for index, part in enumerate(keys.slices):
            yield ModelUse(part.model, place.child("slices").child(index).child("model").span())

    def lower(self, keys: LayersKeys, call: Call) -> ModelTable:
        """The stacked table."""
        runs = [_run(part, call.place.child("slices").child(i), call) for i, part in enumerate(keys.slices)]
        good = [run for run in runs if run is not None]
        first = call.models[keys.slices[0].model]
        if len(good) < len(runs):
            return first
        for index, run in enumerate(good):
            if run.prefix != good[0].prefix:
                span = call.place.child("slices").child(index).child("layers").span()
                problem = (
                    f"`{run.prefix}` is another list of layers than the first slice's `{good[0].prefix}`"
                )
                call.report.add(BadLayers(span=span, problem=problem))
        entries = {n: e for n, e in first.entries.items() if not n.startswith(f"{good[0].prefix}.")}
        count = 0
        for run in good:
            for layer in run.layers:
                entries.update((f"{run.prefix}.{count}.{rest}", entry) for rest, entry in layer.items())
                count += 1
        call.remarks.append(Remark(call.name, f"{count} layers stacked under {good[0].prefix}", ()))
        config = {**first.config, "num_hidden_layers": count}
        return ModelTable(call.name, entries, config)


class _Run(NamedTuple):
    """The text before the indices, and for each layer its entries by the text after the index."""

    prefix: str
    layers: list[dict[str, Entry]]


def _run(part: SliceKeys, place: TreePlace, call: Call) -> _Run | None:
    model = call.models[part.model]
    prefix, _, index = part.layers.removesuffix(".**").rpartition(".")
    span = place.child("layers").span()
    if not (prefix and index.startswith("[") and index.endswith("]")):
        help_ = 'write the list and a range: "model.layers.[0:16]"'
        call.report.add(BadLayers(span=span, problem=f"`{part.layers}` names no range of layers", help=help_))
        return None
    try:
        path = Pattern.parse(prefix, span).literal
        bound = Pattern.parse(f"{prefix}.{index}.**", span).bind(model.entries)
    except MergecError as error:
        call.report.extend(error.diagnostics)
        return None
    if path is None:
        problem = f"`{prefix}` is a pattern, and a list of layers has one name"
        help_ = "write the name in full, such as `model.layers`"
        call.report.add(BadLayers(span=span, problem=problem, help=help_))
        return None
    by_index = _by_index(bound, model, span, call)
    if not by_index:
        held = {n[len(path) + 1 :].partition(".")[0] for n in model.entries if n.startswith(f"{path}.")}
        help_ = f"`{path}` holds {len(held)} layers" if held else f"`{part.model}` has nothing under `{path}`"
        problem = f"`{part.layers}` matches no layer of `{part.model}`"
        call.report.add(BadLayers(span=span, problem=problem, help=help_))
        return None
    return _Run(path, [by_index[i] for i in sorted(by_index)])


def _by_index(bound: BoundPattern, model: ModelTable, span: Span, call: Call) -> dict[int, dict[str, Entry]]:
    """The entries of each layer by what follows its number, which may be written with leading zeros."""
    layers: dict[int, dict[str, Entry]] = {}
    for name in bound.matches:
        place = bound.place_of(name)
        if place is None:
            continue
        before, number = place
        rest = name[len(before) :].partition(".")[2]
        layer = layers.setdefault(number, {})
        if rest in layer:
            problem = f"`{safe(name)}` and another tensor both are `{safe(rest)}` of layer {number}"
            call.report.add(BadLayers(span=span, problem=problem, help="leave one out with `drop:`"))
        layer[rest] = model.entries[name]
    return layers
