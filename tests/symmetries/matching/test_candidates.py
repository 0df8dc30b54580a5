from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import linear_sum_assignment

from mergec.symmetries.matching import candidates
from mergec.symmetries.matching.candidates import Candidates, least, solve, union


def some_of(size: int, seed: int, share: float) -> tuple[np.ndarray[tuple[int, int]], Candidates]:
    """Costs, of which those that are no candidates are beyond reach."""
    rng = np.random.default_rng(seed)
    cost = rng.standard_normal((size, size)) * rng.choice([1.0, 1e6])
    is_candidate = rng.random((size, size)) < share
    is_candidate[np.arange(size), rng.permutation(size)] = True
    places = np.flatnonzero(is_candidate)
    return np.where(is_candidate, cost, 1e12), Candidates(places, cost.reshape(-1)[places])


@given(size=st.integers(1, 30), seed=st.integers(0, 999), share=st.floats(0, 1), is_priced=st.booleans())
def test_the_assignment_is_the_least_and_its_prices_prove_it(
    size: int,
    seed: int,
    share: float,
    is_priced: bool,  # noqa: FBT001
) -> None:
    cost, found = some_of(size, seed, share)
    first = np.random.default_rng(seed).standard_normal(size)
    solved = solve(found, first, is_priced=is_priced)
    np.testing.assert_array_equal(solved.best, linear_sum_assignment(cost)[1])
    row, column = np.divmod(found.places, size)
    below = found.costs - solved.rows[row] - solved.columns[column]
    assert below.min() >= -solved.slack
    np.testing.assert_allclose(below[column == solved.best[row]], 0, atol=solved.slack)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_costs_that_are_not_finite_are_refused(value: float) -> None:
    _, found = some_of(5, 0, 1.0)
    found.costs[7] = value
    with pytest.raises(ValueError, match="not finite"):
        solve(found, np.zeros(5), is_priced=False)


def test_prices_of_an_assignment_that_is_not_the_least_do_not_hang() -> None:
    row, column = np.divmod(np.arange(4), 2)
    longer = np.array([0.0, -1, -1, 0])  # to change both lowers it
    with pytest.raises(ArithmeticError):
        candidates._prices(row, column, longer, np.arange(2))


@given(seed=st.integers(0, 99), count=st.integers(1, 7))
def test_the_least_of_each_row(seed: int, count: int) -> None:
    values = np.random.default_rng(seed).integers(-3, 3, (5, 7)).astype(float)
    at = least(values, count)
    assert (np.diff(at, axis=1) > 0).all()
    found = np.sort(np.take_along_axis(values, at, axis=1), axis=1)
    np.testing.assert_array_equal(found, np.sort(values, axis=1)[:, :count])


def test_a_union_has_each_place_once() -> None:
    first = Candidates(np.array([1, 4]), np.array([0.5, 0.25]))
    second = Candidates(np.array([4, 2]), np.array([0.25, -1.0]))
    both = union(first, second)
    np.testing.assert_array_equal(both.places, [1, 2, 4])
    np.testing.assert_array_equal(both.costs, [0.5, -1, 0.25])
