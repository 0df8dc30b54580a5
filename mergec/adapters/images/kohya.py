"""Adapters of kohya-ss, LyCORIS and OneTrainer: `lora_unet_input_blocks_4_1_proj_in.lora_up.weight`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mergec.adapters.images.base_modules import BaseModules
from mergec.adapters.images.components import COMPONENTS
from mergec.adapters.images.forms import SIGNS, kohya_change
from mergec.adapters.images.module_reading import ModuleReading

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from mergec.adapters.adapter import Adapter, Reading
    from mergec.ir.expression import Tensor
    from mergec.ir.source_facts import SourceFacts

_PREFIXES = tuple({f"{prefix}_": None for component in COMPONENTS for prefix in component.flat})


class Kohya:
    """Files of kohya-ss and of everything that came to write the same names.

    A module's path is flattened: every dot is `_`, and a prefix says which part of the model it is in.
    """

    name = "kohya"

    def recognises(self, names: Collection[str], facts: SourceFacts) -> bool:  # noqa: ARG002  # the protocol's
        """Whether some of the names are flat ones with a part of a known form behind them."""
        return any(name.startswith(_PREFIXES) and name.partition(".")[2] in SIGNS for name in names)

    def read(self, adapter: Adapter, base: Mapping[str, Tensor]) -> Reading:
        """One change for each flat name, brought to the tensors of the base that it stands for."""
        reading = ModuleReading(adapter, base)
        modules = BaseModules(base)
        for module, tensors in _modules(adapter.tensors).items():
            reading.read(module, tensors, modules.flat(module), kohya_change)
        return reading.reading()


def _modules(names: Collection[str]) -> dict[str, dict[str, str]]:
    """The names of each module's tensors, by what follows the name of the module."""
    modules: dict[str, dict[str, str]] = {}
    for name in names:
        module, _, part = name.partition(".")
        if part and module.startswith(_PREFIXES):
            modules.setdefault(module, {})[part] = name
    return modules
