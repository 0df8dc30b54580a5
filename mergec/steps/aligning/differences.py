"""A task vector is not matched to weights: its units are in the order of the model that it starts from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mergec.steps.align_errors import DifferenceMatched

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mergec.diagnostics import Span
    from mergec.ir.model_table import ModelTable
    from mergec.steps.align_keys import AlignKeys
    from mergec.steps.operation import Call

_TOLERANCE = 1e-6


def are_comparable(
    keys: AlignKeys, anchor: ModelTable, models: Sequence[ModelTable], names: Sequence[str], call: Call
) -> bool:
    """Whether the models are differences of weights just where the anchor is one. Reports MC0372."""
    ok = True
    for model in models:
        unlike = [
            name
            for name in names
            if {_is_difference(model, name, call), _is_difference(anchor, name, call)} == {True, False}
        ]
        if unlike:
            ok = False
            delta, other = model, anchor
            if _is_difference(anchor, unlike[0], call):
                delta, other = anchor, model
            is_moved = keys.using is None and delta.name == keys.model
            help_ = "match models of weights, and permute differences with `using:`"
            call.report.add(
                DifferenceMatched(
                    span=_span(delta.name, keys, call),
                    delta=delta.name,
                    model=other.name,
                    tensor=unlike[0],
                    more=f" and {len(unlike) - 1} more" if len(unlike) > 1 else "",
                    help="name the model that it starts from: `using: NAME`" if is_moved else help_,
                )
            )
            if delta is anchor:
                break  # of the other models the same would be told
    return ok


def _is_difference(model: ModelTable, name: str, call: Call) -> bool | None:
    """None where that is not known."""
    degree = call.graph.type(model.entries[name].node).degree
    return None if degree is None else abs(degree) <= _TOLERANCE


def _span(name: str, keys: AlignKeys, call: Call) -> Span:
    """Where the operation names a model that is matched, or the anchor."""
    matched = {"model" if keys.using is None else "using": keys.using or keys.model, "to": keys.to}
    key = next((key for key, value in matched.items() if value == name), None)
    if key is None:
        return call.place.child("together").child((keys.together or []).index(name)).span()
    return call.place.child(key).span()
