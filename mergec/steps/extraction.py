"""The tensors of a fine-tune, sorted by what an adapter makes of them, and what is made."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mergec.adapters.extraction import Extraction, Layer, low_rank
from mergec.adapters.extraction_errors import NotExtractable
from mergec.diagnostics import MergecError, safe
from mergec.ir.expression import Tensor, promoted
from mergec.ir.model_table import Entry
from mergec.ir.spectral_primitives import Kept
from mergec.recipe.errors import WrongValue
from mergec.recipe.pattern_list import select_names
from mergec.recipe.schedule import Schedule

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from mergec.steps.extract_lora import ExtractLoraKeys
    from mergec.steps.operation import Call

# What models call the modules that look words, positions and kinds of words up.
_EMBEDDINGS = ("embed", "embeds", "wte", "wpe", "shared")
_EMBEDDING_ENDINGS = ("embedding", "embeddings", "embed_tokens", "embed_positions", "embed_in")
# Models of transformers whose layers of these names are Conv1D, which stores (in, out).
_CONV1D_MODELS = {"gpt2", "openai-gpt", "imagegpt", "decision_transformer", "clvp"}
_CONV1D = ("c_attn", "c_proj", "c_fc", "q_attn")
_STACKED = "experts"
# Kohya's format knows no other layers.
_OF_KOHYA = {Layer.LINEAR, Layer.CONVOLUTION}


@dataclass(slots=True)
class Sorted:
    """Names by what becomes of them: `told` gives the reason for those that need no place in an adapter."""

    layers: dict[str, Layer] = field(default_factory=dict)
    whole: list[str] = field(default_factory=list)
    dropped: list[str] = field(default_factory=list)
    told: dict[str, list[str]] = field(default_factory=dict)


def sort_tensors(keys: ExtractLoraKeys, shared: Sequence[str], whole: Sequence[str], call: Call) -> Sorted:
    """Sort the tensors that both models hold, and add those to be saved `whole` come what may.

    Reports MC0391, and patterns that match nothing.
    """
    tuned, base = call.models[keys.of].entries, call.models[keys.base].entries
    found = Sorted(whole=list(whole))
    layer_of = _layers(keys, shared, call)
    for name in shared:
        shape = call.graph.type(tuned[name].node).shape
        if not tuned[name].dtype.is_float:
            found.told.setdefault("not in the adapter: no weights", []).append(name)
        elif tuned[name].node == base[name].node:
            found.told.setdefault("not in the adapter: the same in both models", []).append(name)
        elif name.endswith(".weight") and len(shape) > 1 and 0 not in shape:
            layer = layer_of(name, len(shape))
            if keys.format == "kohya" and layer not in _OF_KOHYA:
                found.dropped.append(name)
            else:
                found.layers[name] = layer
        elif keys.others == "drop" or keys.format == "kohya" or not name.endswith((".weight", ".bias")):
            found.dropped.append(name)
        else:
            found.whole.append(name)
    return found


def _layers(keys: ExtractLoraKeys, names: Sequence[str], call: Call) -> Callable[[str, int], Layer]:
    """What a weight is of, by its name and its number of axes."""
    told = {}
    for key in ("embeddings", "fan_in_fan_out"):
        patterns: list[str] | None = getattr(keys, key)
        if patterns is not None:
            told[key] = select_names(patterns, names, call.place.child(key), call.report)
    facts = call.models[keys.base].facts
    has_conv1d = facts is not None and facts.config.get("model_type") in _CONV1D_MODELS

    def layer(name: str, axes: int) -> Layer:
        module = name.split(".")[-2] if "." in name else ""
        if axes > 2:
            return Layer.CONVOLUTION
        if name in told.get("embeddings", ()) or ("embeddings" not in told and _is_embedding(module)):
            return Layer.EMBEDDING
        if name in told.get("fan_in_fan_out", ()):
            return Layer.TURNED
        is_turned = "fan_in_fan_out" not in told and has_conv1d and module in _CONV1D
        return Layer.TURNED if is_turned else Layer.LINEAR

    return layer


def _is_embedding(module: str) -> bool:
    return module in _EMBEDDINGS or module.endswith(_EMBEDDING_ENDINGS)


def extraction(keys: ExtractLoraKeys, found: Sorted, call: Call) -> Extraction | None:
    """The factors and whole tensors; None after reporting what is wrong with the schedules."""
    kept = _kept(keys, list(found.layers), call)
    if kept is None:
        return None
    tuned, base = call.models[keys.of], call.models[keys.base]
    stacked = [name for name, layer in found.layers.items() if _is_stacked(name, layer)]
    if stacked:
        problem = "it stacks the weights of several experts"
        help_ = 'leave them out: `exclude: ["**.experts.**"]`'
        call.report.add(_refused(stacked, problem, help_, call))
    made = Extraction()
    for name, layer in found.layers.items():
        pair = [Tensor(call.graph, table.entries[name].node, call.span) for table in (tuned, base)]
        if pair[0].shape != pair[1].shape:
            _other_shape(name, pair, call)
            continue
        left, right = promoted(pair)
        made.factors[name] = low_rank(left - right, layer, kept[name], tuned.entries[name].dtype)
    for name in found.whole:
        value = Tensor(call.graph, tuned.entries[name].node, call.span) if name in tuned.entries else None
        if value is None:
            call.report.add(_refused([name], f"`{keys.of}` does not hold it", None, call))
        else:
            made.whole[name] = Entry(value.node, tuned.entries[name].dtype)
    return made


def _is_stacked(name: str, layer: Layer) -> bool:
    return layer is Layer.CONVOLUTION and _STACKED in name.split(".")


def _other_shape(name: str, pair: Sequence[Tensor], call: Call) -> None:
    shapes = " in the fine-tune, and ".join(str(list(one.shape)) for one in pair)
    help_ = f'save it whole: `whole: ["{safe(name)}"]`'
    call.report.add(_refused([name], f"it is {shapes} in the base", help_, call))


def _refused(names: Sequence[str], problem: str, help_: str | None, call: Call) -> NotExtractable:
    more = f" and {len(names) - 1} more" if len(names) > 1 else ""
    return NotExtractable(span=call.span, tensor=safe(names[0]), more=more, problem=problem, help=help_)


def _kept(keys: ExtractLoraKeys, names: list[str], call: Call) -> dict[str, Kept] | None:
    """What is kept of each matrix, from the three schedules."""
    ranks = _numbers(keys.rank, "rank", names, call, _is_rank, "a whole number of at least 1")
    energies = _numbers(keys.energy, "energy", names, call, lambda e: 0 < e <= 1, "above 0 and at most 1")
    epsilons = _numbers(keys.epsilon, "epsilon", names, call, lambda e: e >= 0, "at least 0")
    if ranks is None or energies is None or epsilons is None:
        return None
    return {name: Kept(int(ranks[name]), energies[name], epsilons[name]) for name in names}


def _is_rank(value: float) -> bool:
    return value >= 1 and math.floor(value) == value


def _numbers(
    value: object, key: str, names: Iterable[str], call: Call, fits: Callable[[float], bool], wanted: str
) -> Mapping[str, float] | None:
    place = call.place.child(key)
    try:
        schedule = Schedule.parse(value, place)
        if schedule.is_rest:
            call.report.add(WrongValue(span=place.span(), problem=f"`{key}`: `rest` has no meaning here"))
            return None
        numbers = schedule.resolve(list(names), call.report)
    except MergecError as error:
        call.report.extend(error.diagnostics)
        return None
    wrong = next((name for name, number in numbers.items() if not fits(number)), None)
    if wrong is not None:
        problem = f"`{key}` is {numbers[wrong]:.6g} for `{safe(wrong)}`: it is {wanted}"
        call.report.add(WrongValue(span=place.span(), problem=problem))
        return None
    return numbers
