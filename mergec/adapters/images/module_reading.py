"""Reading an adapter module by module."""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import TYPE_CHECKING

from mergec.adapters.adapter import Reading
from mergec.adapters.image_errors import AmbiguousModule, ModuleTwice
from mergec.adapters.images.family import family_problem
from mergec.adapters.images.module_change import Addition
from mergec.adapters.images.module_folds import ModuleFolds
from mergec.adapters.images.module_parts import ModuleParts
from mergec.diagnostics import MergecError, safe
from mergec.recipe.pattern import escape

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mergec.adapters.adapter import Adapter
    from mergec.adapters.images.module_change import Change
    from mergec.adapters.images.module_place import Place
    from mergec.diagnostics import Diagnostic
    from mergec.ir.expression import Tensor

Read = Callable[[ModuleParts], tuple["Change | None", "Addition | None"]]
_BIASES = frozenset({"diff_b", "b_norm", "lora_B.bias"})


class ModuleReading:
    """What has been understood of an adapter so far."""

    def __init__(self, adapter: Adapter, base: Mapping[str, Tensor]) -> None:
        """Nothing has been read yet."""
        self._adapter, self._base = adapter, base
        self._folds = ModuleFolds(base)
        self._unmatched: dict[str, str] = {}
        self._problems: list[Diagnostic] = []

    def read(
        self,
        module: str,
        tensors: Mapping[str, str],
        places: Sequence[Place],
        change: Read,
    ) -> None:
        """Understand one module.

        Args:
            module: its name in the adapter.
            tensors: what each of its tensors is, and the name that it has in the adapter.
            places: what its name can mean in the base.
            change: gives what is done to its weight, and what is added to its bias.
        """
        if not places:
            self._unmatched |= dict.fromkeys(tensors.values(), module)
            return
        try:
            self._fold(module, tensors, self._only(module, places), change)
        except MergecError as error:
            self._problems.extend(error.diagnostics)

    def reading(self) -> Reading:
        """All that was understood, and all mistakes; where another family explains them, only that."""
        is_whole = not self._problems and not self._unmatched
        family = None if is_whole else family_problem(self._adapter, self._base)
        problems: list[Diagnostic] = self._problems if family is None else [family]
        return Reading(self._folds.folds(), self._unmatched, problems)

    def _only(self, module: str, places: Sequence[Place]) -> Place:
        name, span = self._adapter.name, self._adapter.span
        if len(places) > 1:
            notes = tuple(safe(f"`{module}` can mean `{place.title}`") for place in places)
            raise MergecError([AmbiguousModule(span=span, adapter=name, module=module, notes=notes)])
        other = self._folds.claim(places[0], module)
        if other is not None:
            note = safe(f"`{other}` and `{module}` are both `{places[0].title}`")
            advice = _dropping(other, module, name)
            twice = ModuleTwice(
                span=span, adapter=name, first=other, second=module, notes=(note,), help=advice
            )
            raise MergecError([twice])
        return places[0]

    def _fold(
        self,
        module: str,
        tensors: Mapping[str, str],
        place: Place,
        change: Read,
    ) -> None:
        parts = ModuleParts(module, tensors, self._adapter, place, self._base)
        weight, bias = change(parts)
        biases = {name for part, name in parts.names.items() if part in _BIASES}
        missing = next((piece.bias for piece in place.pieces if piece.bias not in self._base), None)
        if bias is not None and missing is not None:
            self._unmatched |= dict.fromkeys(sorted(biases), missing)
        elif bias is not None:
            self._folds.add_to_bias(place, _as_vector(parts, bias), tuple(parts.used))
        if weight is not None:
            uses = tuple(name for name in parts.used if name not in biases)
            self._folds.add(place, weight, uses)


def _as_vector(parts: ModuleParts, bias: Addition) -> Addition:
    rows = parts.place.rows
    if prod(bias.value.shape) != rows:
        parts.misfit(f"the bias of `{parts.module}` is {list(bias.value.shape)}")
    return Addition(bias.value.reshape(rows), bias.scale)


def _dropping(first: str, second: str, adapter: str) -> str:
    """How to leave one of two modules out, and with it all of its text encoder where that is what differs."""
    part, other = (name.split("_text_model_")[0] for name in (second, first))
    pattern = f"{escape(second)}.**" if part in {other, second} else f"{escape(part)}_*.**"
    return f'leave one of them out: `drop: ["{safe(pattern)}"]` on the source `{adapter}`'
