from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from mergec.symmetries.self_test.function import EXACT, ROUNDED, check_function
from mergec.symmetries.self_test.laws import check_laws
from mergec.symmetries.self_test.report import EVERYTHING, SymmetryReport
from mergec.symmetries.self_test_errors import FunctionChanged, UselessForward
from tests.symmetries.self_test.networks import RIGHT, network, renamed, weights, without

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from mergec.ir.symmetry import Symmetry

    Array = NDArray[Any]
    Outputs = Callable[[Mapping[str, Array]], list[Array]]


def report_on(symmetry: Symmetry, forward: Outputs = network, dtype: str = "float64") -> SymmetryReport:
    tensors = weights(dtype)
    return check_function(symmetry, tensors, forward, check_laws(symmetry, tensors, "m", 0), 0)


@pytest.mark.parametrize(("dtype", "limit"), [("float64", EXACT), ("float32", ROUNDED)])
def test_a_symmetry_changes_nothing(dtype: str, limit: float) -> None:
    report = report_on(renamed("a", "b"), dtype=dtype)
    assert report.problems == ()
    assert report.limit == limit
    assert [one.family for one in report.families] == ["a", "b", EVERYTHING]
    for one in report.families:
        assert one.deviation is not None
        assert one.control is not None
        assert one.deviation <= limit < 0.01 < one.control


@pytest.mark.parametrize(("forgotten", "family"), [("0.bias", "`a`"), ("2.bias", "`b`"), ("4.weight", "`b`")])
def test_the_family_at_fault_is_named(forgotten: str, family: str) -> None:
    (problem,) = report_on(without(renamed("a", "b"), forgotten)).problems
    assert isinstance(problem, FunctionChanged)
    assert problem.family == family
    assert float(problem.deviation) > 0.01


def test_the_deviation_is_that_of_the_largest_output() -> None:
    def doubled(tensors: Mapping[str, Array]) -> list[Array]:
        (outputs,) = network(tensors)
        return [1e6 * outputs, np.array([[1.0, tensors["0.bias"][0]]])]

    found = {one.family: one.deviation for one in report_on(renamed("a", "b"), doubled).families}
    bias = weights()["0.bias"]
    largest = max(1.0, abs(bias[0]))
    others = [abs(value - bias[0]) / largest for value in bias[1:]]
    assert any(found["a"] == pytest.approx(one) for one in others)
    assert found["b"] is not None
    assert found["b"] <= EXACT


def test_all_together_are_named_where_no_family_is_at_fault_alone() -> None:
    number = itertools.count()

    def forgetful(tensors: Mapping[str, Array]) -> list[Array]:
        return [value * (1.5 if next(number) == 6 else 1.0) for value in network(tensors)]

    (problem,) = report_on(renamed("a", "b"), forgetful).problems
    assert isinstance(problem, FunctionChanged)
    assert problem.family == "all groups together"


def test_units_that_the_function_does_not_see_have_no_control() -> None:
    def hidden(tensors: Mapping[str, Array]) -> list[Array]:
        return [np.sort(np.maximum(tensors["0.weight"] @ np.ones(3), 0))]

    report = report_on(renamed("a", "b"), hidden)
    assert {one.family: one.control for one in report.families} == {"a": 0.0, "b": 0.0, EVERYTHING: 0.0}
    assert isinstance(report.problems[0], UselessForward)


def noise() -> Outputs:
    draw = np.random.default_rng(0)
    return lambda tensors: [network(tensors)[0] + draw.standard_normal((7, 2))]


@pytest.mark.parametrize(
    ("forward", "problem"),
    [
        (lambda _: [np.ones(3)], "it gives the same for other weights"),
        (lambda _: [np.zeros(3)], "its result is zero"),
        (lambda _: [], "its result is zero"),
        (lambda _: [np.full(3, np.nan)], "its result is not finite"),
        (noise(), "it gives something else each time; is the network in evaluation mode?"),
    ],
)
def test_a_function_that_proves_nothing_is_refused(forward: Outputs, problem: str) -> None:
    (found,) = report_on(RIGHT, forward).problems
    assert isinstance(found, UselessForward)
    assert found.problem == problem


@pytest.mark.parametrize("broken", [np.full((7, 2), np.nan), np.ones((7, 3))])
def test_outputs_that_cannot_be_compared_are_far_away(broken: Array) -> None:
    number = itertools.count()

    def breaking(tensors: Mapping[str, Array]) -> list[Array]:
        return network(tensors) if next(number) < 2 else [broken]

    report = report_on(RIGHT, breaking)
    assert {one.deviation for one in report.families} == {float("inf")}
    assert {type(one) for one in report.problems} == {FunctionChanged}


def test_the_seed_chooses_the_permutations() -> None:
    seen: list[list[Array]] = []

    def watched(tensors: Mapping[str, Array]) -> list[Array]:
        seen[-1].append(tensors["0.bias"].copy())
        return network(tensors)

    for seed in (1, 1, 2):
        seen.append([])
        tensors = weights()
        check_function(RIGHT, tensors, watched, check_laws(RIGHT, tensors, "m", seed), seed)
    assert np.array_equal(seen[0], seen[1])
    assert not np.array_equal(seen[0], seen[2])
