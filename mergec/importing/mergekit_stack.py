"""The slices of a module, stacked."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from mergec.importing.config_values import wrong
from mergec.importing.layer_list import USUAL
from mergec.importing.mergekit_slice import Run, is_cut_first, merged_slice
from mergec.recipe.pattern import escape

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mergec.importing.layer_list import LayerList
    from mergec.importing.mergekit_config import Slice
    from mergec.importing.mergekit_slice import Place

# Final norm and head, by the names that families of models give them; none of them stands in a layer.
_BEHIND = (
    "^((model|language_model|transformer|gpt_neox|bert|roberta|backbone|encoder|decoder)[.])*"
    "(norm|final_norm|final_layernorm|final_layer_norm|ln_f|lm_head|embed_out|pooler|cls|classifier|score)[.]"
)
_USUALLY_BEHIND = "^(model[.]norm|lm_head)[.]"
_RANGE = "these layers are taken, and no others; it changes nothing where the models have no others"
_GUESS = "`{}` is a guess, as none of the models is at hand; `mergec import --layers` says what it is"
_AFTER = "as in mergekit, what stands behind the layers comes from the last slice"


def stacked(place: Place, name: str) -> str:
    """The model that a module becomes.

    Raises:
        MergecError: MC0840, MC0841.
    """
    slices = place.module.slices
    if len(slices) == 1 and (_takes_all(slices[0], place) or is_cut_first(slices[0], place)):
        return merged_slice(slices[0], place, name).model
    runs: list[Run] = []
    for number, one in enumerate(slices, 1):
        if one.parts[0].layers is None:
            raise wrong(one.parts[0].span, "a model of a slice has no `layer_range`")
        part = f"{name}_slice_{number}" if len(slices) > 1 else f"{name}_whole"
        runs.append(merged_slice(one, place, part))
    return _one_on_another(runs, place, name)


def _takes_all(one: Slice, place: Place) -> bool:
    """Whether a slice is known to be whole models."""
    return all(part.layers is None or part.layers == (0, place.layers.count) for part in one.parts)


def _one_on_another(runs: Sequence[Run], place: Place, name: str) -> str:
    path = place.layers.path
    listed: list[object] = []
    for run in runs:
        first, last = run.layers or (0, 0)
        listed.append({"model": run.model, "layers": f"{path}.[{first}:{last}]"})
    remarks = [_RANGE] if len(runs) == 1 else []
    if not place.layers.is_known:
        remarks.append(_GUESS.format(path))
    keys = {"op": "layers", "slices": listed}
    behind = _behind(place.layers)
    if runs[-1].model == runs[0].model or not behind:
        return place.draft.model(name, keys, *remarks)
    stack = place.draft.model(f"{name}_stack", keys, *remarks)
    head = {"op": "graft", "into": stack, "from": runs[-1].model, "take": behind}
    return place.draft.model(name, head, _AFTER)


def _behind(layers: LayerList) -> list[str]:
    """Patterns of what stands behind the layers: the names, where they are known."""
    if not layers.is_known:
        return [f"re:{_USUALLY_BEHIND if layers.path == USUAL else _BEHIND}"]
    return [escape(name) for name in sorted(layers.outside) if re.match(_BEHIND, name)]
