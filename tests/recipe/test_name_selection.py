from __future__ import annotations

from mergec.diagnostics import Report
from mergec.recipe.name_selection import apply_keep_drop
from mergec.recipe.pattern import Pattern


def test_keep_and_drop() -> None:
    tensors = {"v.a": 1, "v.b": 2, "t.a": 3}
    report = Report()
    assert apply_keep_drop(tensors, [Pattern.parse("v.**")], [Pattern.parse("**.b")], report) == {"v.a": 1}
    assert apply_keep_drop(tensors, None, [], report) == tensors
    assert report.diagnostics == ()


def test_keep_and_drop_patterns_that_match_nothing() -> None:
    report = Report()
    apply_keep_drop({"v.a": 1}, [Pattern.parse("x.**")], [Pattern.parse("y")], report)
    assert [d.code for d in report.diagnostics] == ["MC0125", "MC0125"]
