"""Adapters with dotted names: those of diffusers, and the ones that ComfyUI and its trainers write."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

from mergec.adapters.adapter import Reading
from mergec.adapters.images.additions import product
from mergec.adapters.images.base_modules import BaseModules
from mergec.adapters.images.decomposition import decomposed
from mergec.adapters.images.diffusers_names import PARTS, component_of, taken_apart
from mergec.adapters.images.diffusers_scale import KEY, HeaderScales
from mergec.adapters.images.forms import PARTS_OF_FORMS, kohya_change
from mergec.adapters.images.module_change import Addition
from mergec.adapters.images.module_reading import ModuleReading
from mergec.diagnostics import MergecError

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from mergec.adapters.adapter import Adapter
    from mergec.adapters.images.module_change import Change
    from mergec.adapters.images.module_parts import ModuleParts
    from mergec.ir.expression import Tensor
    from mergec.ir.source_facts import SourceFacts

_MAGNITUDE, _BIAS = "lora_magnitude_vector", "lora_B.bias"
# `transformer.` begins the names of language models too, whose adapters need a configuration.
_OF_IMAGE_MODELS = ("transformer_blocks.", ".to_q", ".to_k", ".to_v", ".to_out")


class Diffusers:
    """Files of `save_lora_weights`, and those with `diffusion_model.` before names of the original layout."""

    name = "diffusers"

    def recognises(self, names: Collection[str], facts: SourceFacts) -> bool:
        """Whether some name has a component before it and a factor behind it, beside no configuration."""
        if facts.adapter_config is not None:
            return False
        return any(_is_sign(name, facts) for name in names)

    def read(self, adapter: Adapter, base: Mapping[str, Tensor]) -> Reading:
        """One change for each module, brought to the tensors of the base that it stands for."""
        try:
            scales = HeaderScales(adapter)
        except MergecError as error:
            return Reading(problems=list(error.diagnostics))
        reading = ModuleReading(adapter, base)
        known = BaseModules(base)
        for module, tensors in _modules(adapter.tensors).items():
            reading.read(module, tensors, known.dotted(module), lambda parts: _change(parts, scales))
        return reading.reading()


def _is_sign(name: str, facts: SourceFacts) -> bool:
    """Cheap questions first: models of many thousand tensors are asked too."""
    is_dotted = KEY in facts.metadata or name.startswith(PARTS) or ".processor." in name
    if not is_dotted or taken_apart(name, PARTS_OF_FORMS) is None:
        return False
    if KEY in facts.metadata or component_of(name) != "transformer.":
        return True
    return any(part in name for part in _OF_IMAGE_MODELS)


def _modules(names: Collection[str]) -> dict[str, dict[str, str]]:
    """The names of each module's tensors, by what they are."""
    modules: dict[str, dict[str, str]] = {}
    for name in names:
        found = taken_apart(name, PARTS_OF_FORMS)
        if found is not None:
            modules.setdefault(found.module, {})[found.part] = name
    return modules


def _change(parts: ModuleParts, scales: HeaderScales) -> tuple[Change | None, Addition | None]:
    """What a module does to a weight and to a bias.

    Without an alpha beside the factors, the header gives the scale. A trained bias is scaled as well.
    """
    if "lora_up.weight" not in parts and "lora_down.weight" not in parts:
        return kohya_change(parts)
    value, rank = product(parts, "lora_up.weight", "lora_mid.weight", "lora_down.weight")
    scale = parts.scale(rank) if "alpha" in parts else scales.scale(parts.module, rank)
    addition = Addition(value, scale)
    if _MAGNITUDE not in parts:
        change, bias = kohya_change(parts, addition)
    else:
        lengths = parts.tensor(_MAGNITUDE)
        rows = parts.shape[0]
        if (prod(lengths.shape), max(lengths.shape, default=1)) != (rows, rows):
            parts.misfit(f"`{_MAGNITUDE}` of `{parts.module}` is {list(lengths.shape)}")
        lengths = lengths.reshape(rows, *(1 for _ in parts.shape[1:]))
        change, bias = decomposed(addition, lengths, by_row=True), None
    if _BIAS in parts:
        bias = Addition(parts.tensor(_BIAS), scale)
    return change, bias
