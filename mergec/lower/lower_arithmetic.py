"""Arithmetic over models -> the same nodes that the operations build, tensor by tensor."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mergec.ir.expression import Tensor, identical, promoted
from mergec.ir.graph import Remark
from mergec.ir.model_table import Entry, ModelTable
from mergec.recipe.arithmetic import Arithmetic, Binary, Name, Number, names, operands_first
from mergec.steps.common_names import common_names

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mergec.steps.operation import Call

_ADVICE = "line the names up with `rename:` on a source, or leave the tensor out with `drop:`"


def lower_arithmetic(expression: Arithmetic, call: Call) -> ModelTable:
    """The table of an expression. All its models must hold the same names (MC0306)."""
    tables = [call.models[name] for name in dict.fromkeys(use.name for use in names(expression))]
    universe = dict.fromkeys(name for table in tables for name in table.entries)
    shared, _ = common_names(tables, universe, "error", call, advice=_ADVICE)
    parts = operands_first(expression)
    entries: dict[str, Entry] = {}
    carried: list[str] = []
    for name in shared:
        found = [table.entries[name] for table in tables]
        tensors = [Tensor(call.graph, entry.node, call.span) for entry in found]
        if all(entry.dtype.is_integral for entry in found):
            carried.append(name)
            value = identical(tensors)
        else:
            operands = zip((table.name for table in tables), promoted(tensors), strict=True)
            value = _value(parts, dict(operands))
        entries[name] = Entry(value.node, found[0].dtype)
    if carried:
        call.remarks.append(Remark(call.name, "not averaged, must be equal", tuple(carried)))
    return ModelTable(call.name, entries, tables[0].config)


def _value(parts: Sequence[Arithmetic], operands: Mapping[str, Tensor]) -> Tensor:
    """The expression for one tensor; each node bears the place of its operator."""
    values: list[Tensor] = []
    for part in parts:
        if isinstance(part, Name):
            values.append(operands[part.name].at(part.span))
        elif isinstance(part, Binary):
            right = values.pop().at(part.span)
            if isinstance(part.left, Number):
                values.append(right * part.left.value)
            elif part.operator == "+" or _has_no_weight(part.right):
                values[-1] = values[-1].at(part.span) + right
            else:
                values[-1] = values[-1].at(part.span) - right
    (value,) = values
    return value


def _has_no_weight(term: Arithmetic) -> bool:
    """Whether a term is 0 times a model, which takes no part: added or subtracted, it is left out."""
    return isinstance(term, Binary) and isinstance(term.left, Number) and term.left.value == 0
