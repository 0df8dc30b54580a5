"""A base model while adapters are folded into it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mergec.adapters.adapter import Delta, Replacement, Rewrite
from mergec.adapters.errors import PartialReplacement, TwoReplacements
from mergec.ir.expression import Tensor, promoted
from mergec.ir.model_table import Entry

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mergec.adapters.adapter import Adapter, Fold
    from mergec.diagnostics import Diagnostic


class FoldedModel:
    """The tensors of a model, with the folds so far applied.

    A strength t makes of a tensor W and what a fold alone would make of it the value
    W + t * (fold(W) - W). At t = 1 that is fold(W) to the bit; at t = 0 nothing is read.
    """

    def __init__(self, entries: Mapping[str, Entry], originals: Mapping[str, Tensor]) -> None:
        """`originals` are the same tensors as values, and those that a head is tied to under its name."""
        self.entries = dict(entries)
        self.problems: list[Diagnostic] = []
        self._originals = dict(originals)
        self._replaced_by: dict[str, Adapter] = {}

    def apply(self, fold: Fold, strength: float, adapter: Adapter) -> None:
        """Fold one change in. Mistakes are added to `problems`."""
        if strength == 0.0:
            return
        if isinstance(fold, Replacement):
            self._replace(fold, strength, adapter)
            return
        entry = self.entries[fold.target]
        origin = adapter.span
        graph = self._originals[fold.target].graph
        tensor = Tensor(graph, entry.node, origin)
        if isinstance(fold, Delta):
            result = _moved(tensor, fold.value.with_degree(0.0), fold.scale * strength)
        else:
            result = self._rewritten(tensor, fold, strength)
        self.entries[fold.target] = Entry(result.node, entry.dtype)

    def _rewritten(self, tensor: Tensor, fold: Rewrite, strength: float) -> Tensor:
        original = self._originals[fold.target]
        changed = fold.change(tensor, Tensor(tensor.graph, original.node, tensor.origin)).with_degree(1.0)
        if strength == 1.0:
            return changed
        changed, tensor = promoted([changed, tensor])
        return _moved(tensor, changed - tensor, strength)

    def _replace(self, fold: Replacement, strength: float, adapter: Adapter) -> None:
        other = self._replaced_by.get(fold.target)
        if other is not None:
            self.problems.append(_both(other, adapter, fold.target))
            return
        self._replaced_by[fold.target] = adapter
        before = self.entries.get(fold.target)
        value = fold.value.with_degree(1.0)
        if strength == 1.0:
            self.entries[fold.target] = Entry(value.node, before.dtype if before else value.dtype)
            self._originals[fold.target] = value
            return
        if before is None or self._originals[fold.target].shape != value.shape:
            self.problems.append(_partly(adapter, fold.target, strength))
            return
        value, tensor = promoted([value, Tensor(value.graph, before.node, adapter.span)])
        self.entries[fold.target] = Entry(_moved(tensor, value - tensor, strength).node, before.dtype)


def _moved(tensor: Tensor, difference: Tensor, factor: float) -> Tensor:
    tensor, difference = promoted([tensor, difference])
    return tensor + (difference if factor == 1.0 else difference * factor)


def _both(first: Adapter, second: Adapter, tensor: str) -> TwoReplacements:
    advice = f"drop it from one of them: `drop:` on the source `{second.name}`"
    return TwoReplacements(span=second.span, first=first.name, second=second.name, tensor=tensor, help=advice)


def _partly(adapter: Adapter, tensor: str, strength: float) -> PartialReplacement:
    advice = f'give it the strength 1: {{"{tensor}": 1, "**": {strength:g}}}'
    return PartialReplacement(
        span=adapter.span, adapter=adapter.name, tensor=tensor, strength=f"{strength:g}", help=advice
    )
