"""Arithmetic over models -> the same nodes that the operations build."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from mergec.ir.dtype import DType
from mergec.ir.expression import Tensor, identical
from mergec.ir.graph import Remark
from mergec.ir.model_table import Entry, ModelTable
from mergec.recipe.arithmetic import Arithmetic, Binary, Name, Number
from mergec.steps.alignment import common_names

if TYPE_CHECKING:
    from collections.abc import Callable

    from mergec.diagnostics import Span
    from mergec.steps.operation import Call


def lower_arithmetic(expression: Arithmetic, call: Call) -> ModelTable:
    """The table of an expression. Models that meet in it must hold the same names (MC0306)."""
    carried: dict[str, None] = {}
    table = _table(expression, _with_promoted(call, expression), carried)
    if carried:
        call.remarks.append(Remark(call.name, "not averaged, must be equal", tuple(carried)))
    return ModelTable(call.name, table.entries, table.config)


def _with_promoted(call: Call, expression: Arithmetic) -> Call:
    """The call with float tensors in float64 where the expression has a float64 one of the same name."""
    tables = call.models
    is_wide = {
        name
        for table in tables.values()
        for name, entry in table.entries.items()
        if call.graph.type(entry.node).dtype is DType.F64
    }
    if not is_wide:
        return call

    def promoted(name: str, entry: Entry) -> Entry:
        type_ = call.graph.type(entry.node)
        if name not in is_wide or not type_.dtype.is_float or type_.dtype is DType.F64:
            return entry
        return Entry(Tensor(call.graph, entry.node, expression.span).cast(DType.F64).node, entry.dtype)

    wide = {
        model: ModelTable(model, {n: promoted(n, e) for n, e in table.entries.items()}, table.config)
        for model, table in tables.items()
    }
    return replace(call, models=wide)


def _table(expression: Arithmetic, call: Call, carried: dict[str, None]) -> ModelTable:
    if isinstance(expression, Name):
        return call.models[expression.name]
    assert isinstance(expression, Binary)
    if expression.operator == "*":
        assert isinstance(expression.left, Number)
        factor = expression.left.value
        model = _table(expression.right, call, carried)
        scaled = {n: _scaled(e, factor, call, expression.span) for n, e in model.entries.items()}
        return ModelTable(call.name, scaled, model.config)
    left = _table(expression.left, call, carried)
    right = _table(expression.right, call, carried)
    combine: Callable[[Tensor, Tensor], Tensor] = (
        Tensor.__add__ if expression.operator == "+" else Tensor.__sub__
    )
    operands = _named(left, expression.left), _named(right, expression.right)
    shared, _ = common_names(operands, _union(left, right), "error", call)
    entries: dict[str, Entry] = {}
    for name in shared:
        pair = left.entries[name], right.entries[name]
        tensors = [Tensor(call.graph, entry.node, expression.span) for entry in pair]
        if all(entry.dtype.is_integral for entry in pair):
            carried[name] = None
            entries[name] = Entry(identical(tensors, name).node, pair[0].dtype)
        else:
            entries[name] = Entry(combine(*tensors).node, pair[0].dtype)
    return ModelTable(call.name, entries, left.config)


def _union(left: ModelTable, right: ModelTable) -> list[str]:
    return [*left.entries, *(name for name in right.entries if name not in left.entries)]


def _named(table: ModelTable, expression: Arithmetic) -> ModelTable:
    """The table under the name that a message should use for this operand."""
    name = expression.name if isinstance(expression, Name) else "the rest of the sum"
    return ModelTable(name, table.entries, table.config)


def _scaled(entry: Entry, factor: float, call: Call, span: Span) -> Entry:
    if entry.dtype.is_integral:
        return entry
    return Entry((Tensor(call.graph, entry.node, span) * factor).node, entry.dtype)
