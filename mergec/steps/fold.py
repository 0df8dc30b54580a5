"""Adapters that were read, applied to their base at the strengths that the recipe gives."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mergec.adapters.errors import FoldOntoNoWeights
from mergec.adapters.folded_model import FoldedModel
from mergec.adapters.problems import summed_up
from mergec.adapters.tied import kept_heads, untied
from mergec.diagnostics import MergecError, safe
from mergec.ir.config_edit import ConfigEdit
from mergec.ir.graph import Remark
from mergec.ir.model_table import ModelTable
from mergec.ir.tied_names import EMBEDDINGS, HEADS
from mergec.recipe.errors import WrongValue
from mergec.recipe.schedule import Schedule
from mergec.steps.adapter_use import no_weights
from mergec.steps.errors import BadOperation

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from mergec.steps.adapter_use import AdapterUse, BaseView
    from mergec.steps.operation import Call

_VOCABULARY = ("vocab_size",)
_DEGREE_TOLERANCE = 1e-6


def folded(base: BaseView, uses: Sequence[AdapterUse], chosen: Collection[str], call: Call) -> ModelTable:
    """The base with the adapters folded into the chosen tensors. Mistakes are added to the report."""
    model = FoldedModel(base.entries, base.tensors)
    for use in uses:
        _apply(use, model, base, chosen, call)
    call.report.extend(summed_up(model.problems))
    keeps_ties = {target for use in uses for target in use.reading.keeps_ties}
    # A head that no fold changed after all stays what the embeddings are, and unwritten.
    entries = {
        name: entry
        for name, entry in model.entries.items()
        if name in base.table.entries or entry.node != base.entries.get(name, (None,))[0]
    }
    entries |= kept_heads(base.table.entries, entries, keeps_ties, base.config, call.graph)
    told, edits = untied(base.table.entries, entries, keeps_ties, base.config, call.span)
    call.report.extend(told)
    changes = (*base.table.config, *edits, *_vocabulary(base, model))
    return ModelTable(call.name, entries, changes)


def _apply(use: AdapterUse, model: FoldedModel, base: BaseView, chosen: Collection[str], call: Call) -> None:
    name = use.adapter.name
    targets = [target for target in use.targets if target in chosen]
    excluded = tuple(target for target in use.targets if target not in chosen)
    if excluded:
        call.remarks.append(Remark(call.name, f"outside `where`, not folded from {name}", excluded))
    if excluded and not targets:
        problem = f"`where` leaves nothing of the adapter `{name}`"
        advice = f"it changes `{safe(use.targets[0])}`: widen `where`, or leave the adapter out"
        span = call.place.child("where").span()
        call.report.add(BadOperation(span=span, operation="lora", problem=problem, help=advice))
        return
    if _is_refused(use, targets, base, call):
        return
    strengths = _strengths(use, targets, call)
    for fold in use.reading.folds:
        model.apply(fold, strengths.get(fold.target, 0.0), use.adapter)
    for is_folded, what in ((True, f"folded from {name}"), (False, f"strength 0, not folded from {name}")):
        names = tuple(target for target, value in strengths.items() if (value != 0.0) is is_folded)
        if names:
            call.remarks.append(Remark(call.name, what, names))


def _is_refused(use: AdapterUse, targets: Sequence[str], base: BaseView, call: Call) -> bool:
    """Whether a target is no weight; one such finding tells of all."""
    for target in targets:
        tensor = base.tensors.get(target)
        if tensor is None:
            continue
        if not tensor.dtype.is_float:
            call.report.add(no_weights(use.adapter, target, tensor))
            return True
        if tensor.degree is None or abs(tensor.degree - 1.0) > _DEGREE_TOLERANCE:
            call.report.add(_of_degree(tensor.degree, target, base, call))
            return True
    return False


def _of_degree(degree: float | None, target: str, base: BaseView, call: Call) -> FoldOntoNoWeights:
    problem = f"`{base.table.name}` has degree {degree or 0.0:.6g} (`{target}`), and a fold needs weights"
    advice = "fold the adapter into the model first, and subtract or scale the result"
    return FoldOntoNoWeights(span=call.place.child("base").span(), problem=problem, help=advice)


def _strengths(use: AdapterUse, targets: list[str], call: Call) -> dict[str, float]:
    """The strength of each target; none after reporting what is wrong."""
    try:
        schedule = Schedule.parse(use.strength, use.place)
        if schedule.is_rest:
            problem = "the strength of an adapter: `rest` has no meaning here"
            call.report.add(WrongValue(span=use.place.span(), problem=problem))
            return {}
        return schedule.resolve(targets, call.report)
    except MergecError as error:
        call.report.extend(error.diagnostics)
        return {}


def _vocabulary(base: BaseView, model: FoldedModel) -> Iterator[ConfigEdit]:
    """The edits for embeddings and heads that have other rows than the base's."""
    for name, tensor in base.tensors.items():
        node = model.entries[name].node
        rows = tensor.graph.type(node).shape[:1]
        if name.endswith((*EMBEDDINGS, *HEADS)) and rows != tensor.shape[:1]:
            yield ConfigEdit(_VOCABULARY, tensor.shape[0], rows[0])
