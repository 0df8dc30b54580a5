from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from mergec.symmetries.matching import assignment, proven_assignment
from mergec.symmetries.matching.assignment import SMALL, Prices, assign
from mergec.symmetries.matching.candidates import Candidates, Solved, solve
from tests.symmetries.matching.test_assignment import costs, identity

Costs = NDArray[np.float64]
FINITE = st.floats(-1e6, 1e6, allow_subnormal=False)
VALUES = st.one_of(st.just(FINITE), st.just(st.integers(-3, 3).map(float)), st.just(st.just(-2.5)))
SQUARES = st.tuples(st.integers(1, 12), VALUES).flatmap(
    lambda some: arrays(np.float64, (some[0],) * 2, elements=some[1])
)


def total(cost: Costs, chosen: NDArray[np.integer]) -> float:
    assert sorted(chosen) == list(range(len(cost)))
    return float(cost[np.arange(len(cost)), chosen].sum())


def least_total(cost: Costs) -> float:
    return float(cost[linear_sum_assignment(cost)].sum())


@settings(max_examples=300)
@given(cost=SQUARES, seed=st.integers(0, 5), few=st.integers(1, 12))
@example(cost=np.array([[1.0, 2.0], [1.0, 3.0]]) * 1e-301, seed=0, few=2)
@example(cost=np.array([[1.0, 2.0], [1.0, 3.0]]) * 1e-301, seed=1, few=2)
@example(cost=np.array([[2.0, 1.0], [3.0, 1.0]]) * 1e-301, seed=1, few=2)
def test_what_is_proven_is_the_least(cost: Costs, seed: int, few: int) -> None:
    old = np.random.default_rng(seed).permutation(len(cost)).astype(np.int32)
    prices = np.zeros(len(cost))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(proven_assignment, "FEW_CANDIDATES", few)
        patch.setattr(proven_assignment, "UNWANTED", 1.0)
        found = proven_assignment.proven_assignment(cost, old, prices, is_priced=bool(seed % 2))
    if found is not None:
        scale = 1e-7 * np.abs(cost).sum()
        assert total(cost, found.best) == pytest.approx(least_total(cost), rel=1e-9, abs=scale)
        assert (cost - found.columns - found.rows[:, None]).min() >= -2 * found.slack - scale


@settings(max_examples=200)
@given(cost=SQUARES, seed=st.integers(0, 5))
def test_costs_of_any_size_are_solved_both_ways_alike(cost: Costs, seed: int) -> None:
    old = np.random.default_rng(seed).permutation(len(cost)).astype(np.int32)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(assignment, "SMALL", 1)
        found = assign(cost.copy(), old, 1e-12)
    assert total(cost, found) == pytest.approx(least_total(cost), rel=1e-9, abs=1e-9 * np.abs(cost).sum())


@pytest.mark.parametrize("size", [SMALL - 1, SMALL, SMALL + 1])
@pytest.mark.parametrize("kind", ["unrelated", "uneven", "few directions"])
def test_around_the_threshold_it_is_the_least(size: int, kind: str) -> None:
    cost = costs(kind, size)
    expected = linear_sum_assignment(cost)[1]
    np.testing.assert_array_equal(assign(cost.copy(), identity(size), 1e-9), expected)


def test_costs_whose_candidates_prove_it_are_not_solved_as_a_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    cost = costs("unrelated", SMALL)
    expected = linear_sum_assignment(cost)[1]
    monkeypatch.setattr(assignment, "_solve", None)
    monkeypatch.setattr(assignment, "_potentials", None)
    np.testing.assert_array_equal(assign(cost.copy(), identity(SMALL), 1e-9), expected)


@pytest.mark.parametrize("kind", ["uneven", "few directions", "one direction"])
def test_costs_whose_candidates_do_not_are(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if kind == "one direction":
        rng = np.random.default_rng(1)
        cost = -np.outer(*rng.standard_normal((2, SMALL))) + 1e-3 * rng.standard_normal((SMALL, SMALL))
    else:
        cost = costs(kind, SMALL)
    assert (
        proven_assignment.proven_assignment(cost, identity(SMALL), np.zeros(SMALL), is_priced=False) is None
    )
    monkeypatch.setattr(assignment, "proven_assignment", lambda *_, **__: None)
    expected = linear_sum_assignment(cost)[1]
    np.testing.assert_array_equal(assign(cost.copy(), identity(SMALL), 1e-12), expected)


def test_costs_that_lower_it_join_the_candidates(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proven_assignment, "FEW_CANDIDATES", 3)
    monkeypatch.setattr(proven_assignment, "UNWANTED", 1.0)
    monkeypatch.setattr(proven_assignment, "MORE", 300)
    seen: list[int] = []

    def spied(found: Candidates, columns: NDArray[np.float64], *, is_priced: bool) -> Solved:
        seen.append(len(found.places))
        return solve(found, columns, is_priced=is_priced)

    monkeypatch.setattr(proven_assignment, "solve", spied)
    cost = costs("unrelated", 300)
    found = proven_assignment.proven_assignment(cost, identity(300), np.zeros(300), is_priced=False)
    assert found is not None
    assert len(seen) > 1
    assert seen == sorted(seen)
    np.testing.assert_array_equal(found.best, linear_sum_assignment(cost)[1])


@pytest.mark.parametrize("kind", ["unrelated", "related", "few directions"])
def test_prices_of_earlier_costs_do_not_change_the_solution(kind: str) -> None:
    cost, prices = costs(kind, SMALL), Prices()
    rng = np.random.default_rng(0)
    for _ in range(3):
        expected = linear_sum_assignment(cost)[1]
        np.testing.assert_array_equal(assign(cost.copy(), identity(SMALL), 1e-9, prices), expected)
        assert prices.columns is not None
        cost = cost + 0.1 * rng.standard_normal(cost.shape)


def test_it_is_the_same_every_time() -> None:
    cost = costs("unrelated", SMALL).round(0)  # many are equal
    first, second = (assign(cost.copy(), identity(SMALL), 1e-9) for _ in range(2))
    np.testing.assert_array_equal(first, second)
    assert total(cost, first) == least_total(cost)
