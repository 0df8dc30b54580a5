"""Rename rules run on tensors that no file holds: what the tests of names and of shapes share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mergec.diagnostics import Report
from mergec.ir.dtype import DType
from mergec.ir.strided_view import StridedView
from mergec.recipe.rename_pass import RuleUse, apply_rules
from mergec.recipe.rename_rule import RenameRule
from mergec.recipe.value_place import NoPlace

if TYPE_CHECKING:
    from mergec.diagnostics import Diagnostic
    from mergec.ir.layout import Layout


def tensor(*shape: int, dtype: DType = DType.F32) -> Layout:
    return StridedView.contiguous(0, 0, dtype, shape)


def rule(value: Any) -> RenameRule:
    return RenameRule.parse(value, NoPlace())


def run(
    tensors: dict[str, Layout], *rules: Any
) -> tuple[dict[str, Layout], list[RuleUse], tuple[Diagnostic, ...]]:
    report = Report()
    renamed, uses = apply_rules(tensors, [rule(one) for one in rules], "chat", report)
    return renamed, uses, report.diagnostics
