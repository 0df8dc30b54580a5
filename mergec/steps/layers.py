"""Layer stacking."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from pydantic import Field

from mergec.diagnostics import MergecError, safe
from mergec.ir.config_edit import ConfigEdit
from mergec.ir.graph import Remark
from mergec.ir.model_table import Entry, ModelTable
from mergec.recipe.pattern import Pattern
from mergec.recipe.pattern_syntax import IndexRange
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


# The names under which architectures keep the number of their layers.
_LAYER_COUNTS = ("num_hidden_layers", "n_layer", "num_layers", "n_layers")


class Layers(Operation):
    """Layers of one or several models stacked and numbered anew (depth up-scaling, "frankenmerge").

    Each slice names a list of layers and a half-open range in it. All tensors outside of that list
    (embeddings, final norm, head) come from the first slice's model. The result's layers are numbered
    from 0, and where config.json counts the layers of that list (`num_hidden_layers`, `n_layer`, ...) it
    follows.
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
        good: list[_Run] = []
        for index, part in enumerate(keys.slices):
            try:
                good.append(_run(part, call.place.child("slices").child(index).child("layers").span(), call))
            except MergecError as error:
                call.report.extend(error.diagnostics)
        first = call.models[keys.slices[0].model]
        if len(good) < len(keys.slices):
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
        edit = ConfigEdit(_LAYER_COUNTS, good[0].available, count)
        return ModelTable(call.name, entries, (*first.config, edit))


class _Run(NamedTuple):
    """The layers that a slice takes: their entries by the text after the index.

    `prefix` is the text before the index, `available` the number of layers that the model has there.
    """

    prefix: str
    available: int
    layers: list[dict[str, Entry]]


def _run(part: SliceKeys, span: Span, call: Call) -> _Run:
    """The layers of one slice.

    Raises:
        MergecError: MC0311, or MC0120 for a range that cannot be read.
    """
    prefix, path, chosen = _list_and_range(part, span)
    model = call.models[part.model]
    held = _by_index(Pattern.parse(f"{prefix}.[:].**").bind(model.entries), model, span, call)
    if not held:
        problem = f"`{part.model}` has no layers under `{path}`"
        raise _refused(span, problem, "`mergec inspect` shows the names that it has")
    available = 1 + max(held)
    if chosen.stop is not None and chosen.stop > available:
        problem = f"`{part.layers}` goes past the {available} layers of `{part.model}`"
        raise _refused(span, problem, f"write a range that ends at {available} or before")
    layers = [held[number] for number in chosen.of(available) if number in held]
    if not layers:
        raise _refused(
            span, f"`{part.layers}` matches no layer of `{part.model}`", f"it has {available} layers"
        )
    return _Run(path, available, layers)


def _list_and_range(part: SliceKeys, span: Span) -> tuple[str, str, IndexRange]:
    """The text before the range, the name that it means, and the range."""
    prefix, _, index = part.layers.removesuffix(".**").rpartition(".")
    if not (prefix and index.startswith("[") and index.endswith("]")):
        example = 'write the list and a range: "model.layers.[0:16]"'
        raise _refused(span, f"`{part.layers}` names no range of layers", example)
    path = Pattern.parse(prefix, span).literal
    if path is None:
        problem = f"`{prefix}` is a pattern, and a list of layers has one name"
        raise _refused(span, problem, "write the name in full, such as `model.layers`")
    (chosen,) = Pattern.parse(f"{prefix}.{index}.**", span).segments[-2]
    assert isinstance(chosen, IndexRange)
    return prefix, path, chosen


def _refused(span: Span, problem: str, help_: str) -> MergecError:
    return MergecError([BadLayers(span=span, problem=problem, help=help_)])


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
