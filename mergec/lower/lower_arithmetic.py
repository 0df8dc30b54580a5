"""Arithmetic over models -> the same nodes that the operations build, tensor by tensor."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mergec.ir.expression import Tensor, identical, promoted
from mergec.ir.graph import Remark
from mergec.ir.model_table import Entry, ModelTable
from mergec.recipe.arithmetic import Arithmetic, Binary, Name, Number, names
from mergec.steps.alignment import common_names

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mergec.steps.operation import Call

_ADVICE = "line the names up with `rename:` on a source, or leave the tensor out with `drop:`"


def lower_arithmetic(expression: Arithmetic, call: Call) -> ModelTable:
    """The table of an expression. All its models must hold the same names (MC0306)."""
    tables = [call.models[name] for name in dict.fromkeys(use.name for use in names(expression))]
    universe = dict.fromkeys(name for table in tables for name in table.entries)
    shared, _ = common_names(tables, universe, "error", call, advice=_ADVICE)
    entries: dict[str, Entry] = {}
    carried: list[str] = []
    for name in shared:
        found = [table.entries[name] for table in tables]
        tensors = [Tensor(call.graph, entry.node, call.span) for entry in found]
        if all(entry.dtype.is_integral for entry in found):
            carried.append(name)
            value = identical(tensors, name)
        else:
            operands = zip((table.name for table in tables), promoted(tensors), strict=True)
            value = _value(expression, dict(operands))
        entries[name] = Entry(value.node, found[0].dtype)
    if carried:
        call.remarks.append(Remark(call.name, "not averaged, must be equal", tuple(carried)))
    return ModelTable(call.name, entries, tables[0].config)


def _value(expression: Arithmetic, operands: Mapping[str, Tensor]) -> Tensor:
    """The expression for one tensor; each node bears the place of its operator."""
    if isinstance(expression, Name):
        return operands[expression.name].at(expression.span)
    assert isinstance(expression, Binary)
    right = _value(expression.right, operands)
    if expression.operator == "*":
        assert isinstance(expression.left, Number)
        return right.at(expression.span) * expression.left.value
    left = _value(expression.left, operands).at(expression.span)
    return left + right if expression.operator == "+" else left - right
