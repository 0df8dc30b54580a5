"""`new:` of methods whose models may hold more than their base."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mergec.ir.graph import Remark
from mergec.ir.model_table import Entry, ModelTable
from mergec.ir.primitives import FILL
from mergec.recipe.pattern_list import select_names

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from mergec.steps.operation import Call


def with_new_tensors(
    patterns: Sequence[str], base: str, wanted: Collection[str], call: Call
) -> Mapping[str, ModelTable]:
    """The call's models, with an empty tensor where one lacks a name that is new to `base`.

    New are the names that one of the patterns matches and the base lacks. An empty tensor lies in the
    top-left part of any other, so that the method finds the other's values alone.
    """
    chosen = select_names(patterns, wanted, call.place.child("new"), call.report)
    new = [name for name in wanted if name in chosen and name not in call.models[base].entries]
    if not new:
        return call.models
    call.remarks.append(Remark(call.name, f"not in {base}, added", tuple(new)))
    holders = {name: _first(name, call) for name in new}
    made: dict[str, ModelTable] = {}
    for key, table in call.models.items():
        degree = _degree(table, call)
        nothing = {
            name: _empty(holder, degree, call)
            for name, holder in holders.items()
            if name not in table.entries
        }
        made[key] = ModelTable(table.name, {**table.entries, **nothing}, table.config, table.facts)
    return made


def _first(name: str, call: Call) -> Entry:
    return next(table.entries[name] for table in call.models.values() if name in table.entries)


def _degree(table: ModelTable, call: Call) -> float:
    """The degree of a model's float tensors, as that of its first one; weights where it has none."""
    degrees = (call.graph.type(entry.node).degree for entry in table.entries.values())
    return next((degree for degree in degrees if degree is not None), 1.0)


def _empty(like: Entry, degree: float | None, call: Call) -> Entry:
    """No values, with as many axes as an entry has. An integer tensor is carried along: it stays."""
    if like.dtype.is_integral:
        return like
    shape = tuple(0 for _ in call.graph.type(like.node).shape)
    return Entry(call.graph.add(FILL, (), (shape, like.dtype, 0.0, degree), call.span), like.dtype)
