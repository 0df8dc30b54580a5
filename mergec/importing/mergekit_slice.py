"""One slice of mergekit: a merge of the same number of layers of each of its models."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mergec.importing.config_values import wrong
from mergec.importing.mergekit_methods import METHODS, PASSTHROUGH, Base
from mergec.importing.operation_keys import Merge, operation_keys, warn_of_unused
from mergec.importing.tensor_values import GRADIENT_REMARK, Layers, has_gradient, schedule
from mergec.methods.registry import find_method

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from mergec.diagnostics import Report
    from mergec.importing.draft import Draft
    from mergec.importing.layer_list import LayerList
    from mergec.importing.mergekit_config import Document, ModelReference, Module, Part, Setting, Slice

    Range = tuple[int, int]

_SCALE = "scale"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a slice stands, and what is made of it where. `resolved` gives the name of a model."""

    document: Document
    module: Module
    layers: LayerList
    draft: Draft
    report: Report
    resolved: Callable[[ModelReference], str]

    def levels(self, one: Slice) -> Sequence[Mapping[str, Setting]]:
        """The settings that hold for all models of a slice, the nearest first."""
        return one.settings, self.module.settings, self.document.settings


@dataclass(frozen=True, slots=True)
class Run:
    """Layers of a model of the recipe; None for a model as a whole."""

    model: str
    layers: Range | None


def is_cut_first(one: Slice, place: Place) -> bool:
    """Whether the layers of a slice are cut out of its models before these are merged.

    They need not be where the same layers are taken of models with the same number of layers, as they
    mostly have.
    """
    layers = one.parts[0].layers
    if layers is None or place.document.method == PASSTHROUGH:
        return False
    differ = place.layers.is_known and place.layers.count is None
    return differ or any(part.layers != layers for part in one.parts)


def merged_slice(one: Slice, place: Place, name: str) -> Run:
    """The slice, merged under this name. A run of a single model needs no merge.

    Raises:
        MergecError: MC0840, MC0841.
    """
    parts: dict[str, Part] = {}
    for part in one.parts:
        model = place.resolved(part.model)
        if model in parts:
            raise wrong(part.span, f"`{part.model.path}` stands twice among models that are merged")
        parts[model] = part
    if place.document.method == PASSTHROUGH:
        return _passed_through(parts, one, place, name)
    known = METHODS[place.document.method]
    operation = find_method(place.document.method)
    assert operation is not None, "all methods of mergekit are here, too"
    reference = one.base or place.document.base
    has_base = reference is not None and known.base is not Base.IGNORED
    base = place.resolved(reference) if reference is not None and has_base else None
    layers = one.parts[0].layers
    names = {model: model for model in (*([] if base is None else [base]), *parts)}
    if layers is not None and is_cut_first(one, place):
        names = {model: _cut(model, parts, layers, place) for model in names}
        layers = (0, layers[1] - layers[0])
    merge = Merge(
        name=place.document.method,
        models=[(names[model], part.settings) for model, part in parts.items()],
        base=None if base is None else names[base],
        levels=place.levels(one),
        layers=Layers(place.layers, _part_of(layers, place)),
        span=place.document.method_span,
    )
    keys = operation_keys(merge, known, operation.method, place.report)
    return Run(place.draft.model(name, keys, *_remarks(keys)), layers)


def _part_of(layers: Range | None, place: Place) -> Range | None:
    """The layers that gradients run over; None for all."""
    return None if layers == (0, place.layers.count) else layers


def _cut(model: str, parts: Mapping[str, Part], layers: Range, place: Place) -> str:
    """The layers of a model that a slice takes, as a model. A base takes part with those of the first one."""
    first, last = (parts[model].layers if model in parts else None) or layers
    slices = [{"model": model, "layers": f"{place.layers.path}.[{first}:{last}]"}]
    return place.draft.model(f"{model}_{first}_{last}", {"op": "layers", "slices": slices})


def _passed_through(parts: Mapping[str, Part], one: Slice, place: Place, name: str) -> Run:
    """A model as it is, or times a number."""
    if len(parts) != 1:
        raise wrong(one.span, f"`passthrough` takes one model, found {len(parts)}")
    ((model, part),) = parts.items()
    layers = part.layers
    span = Layers(place.layers, _part_of(layers, place))
    merge = Merge(PASSTHROUGH, [(model, part.settings)], None, place.levels(one), span, one.span)
    warn_of_unused(merge, [_SCALE], place.report)
    levels = [level[_SCALE] for level in (part.settings, *place.levels(one)) if _SCALE in level]
    scale = schedule(levels, span, 1.0)
    if scale == 1:
        return Run(model, layers)
    keys = {"op": PASSTHROUGH, "model": model, _SCALE: scale}
    return Run(place.draft.model(name, keys, *_remarks(keys)), layers)


def _remarks(keys: Mapping[str, object]) -> Iterator[str]:
    """What is worth a word about a merge."""
    inputs = keys.get("inputs")
    values = [*keys.values(), *(inputs.values() if isinstance(inputs, dict) else ())]
    values += [one for value in values if isinstance(value, dict) for one in value.values()]
    if any(map(has_gradient, values)):
        yield GRADIENT_REMARK
