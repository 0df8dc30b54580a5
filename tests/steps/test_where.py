"""`where:` on the operations that take tensors as they are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

if TYPE_CHECKING:
    from tests.conftest import Workbench

ZEROS, ONES = np.zeros(2, np.float32), np.ones(2, np.float32)


@pytest.fixture(autouse=True)
def _sources(bench: Workbench) -> None:
    bench.source("a", {"text.w": ZEROS, "vision.w": ZEROS})
    bench.source("b", {"text.w": ONES, "vision.w": ONES, "vision.new": ONES, "text.new": ONES})


def sums(bench: Workbench, model: dict[str, Any]) -> dict[str, float]:
    return {name: float(tensor.values.sum()) for name, tensor in bench.build(model).items()}


def test_override_replaces_and_adds_only_there(bench: Workbench) -> None:
    model = {"op": "override", "base": "a", "with": ["b"], "where": ["vision.**"]}
    assert sums(bench, model) == {"text.w": 0, "vision.w": 2, "vision.new": 2}


def test_graft_takes_only_there_and_says_so(bench: Workbench) -> None:
    model = {"op": "graft", "into": "a", "from": "b", "take": ["**"], "where": ["**.new", "text.w"]}
    assert sums(bench, model) == {"text.w": 2, "vision.w": 0, "vision.new": 2, "text.new": 2}
    remarks = bench.recipe(model).check().checked.remarks
    assert {r.what: set(r.names) for r in remarks} == {
        "replaced from b": {"text.w"},
        "added from b": {"vision.new", "text.new"},
    }


def test_cast_rounds_only_there(bench: Workbench) -> None:
    model = {"op": "cast", "model": "a", "dtype": "float16", "where": ["vision.**"]}
    codes = {name: tensor.code for name, tensor in bench.build(model).items()}
    assert codes == {"text.w": "F32", "vision.w": "F16"}


@pytest.mark.parametrize("where", [["audio.**"], ["["]])
def test_a_pattern_that_is_wrong_is_an_error(bench: Workbench, where: list[str]) -> None:
    model = {"op": "override", "base": "a", "with": ["b"], "where": where}
    assert bench.codes(model) in (["MC0125"], ["MC0120"])
