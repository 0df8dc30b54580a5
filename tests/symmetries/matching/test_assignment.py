from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import linear_sum_assignment

from mergec.symmetries.matching.assignment import SMALL, assign


def identity(size: int) -> np.ndarray[tuple[int], np.dtype[np.int32]]:
    return np.arange(size, dtype=np.int32)


@given(seed=st.integers(0, 1000), size=st.integers(1, 6))
def test_it_is_the_best_of_all(seed: int, size: int) -> None:
    cost = np.random.default_rng(seed).standard_normal((size, size))
    best = min(sum(cost[i, j] for i, j in enumerate(p)) for p in permutations(range(size)))
    found = assign(cost.copy(), identity(size), 1e-12)
    assert cost[np.arange(size), found].sum() == pytest.approx(best)


def costs(kind: str, size: int) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    rng = np.random.default_rng(3)
    left, right = rng.standard_normal((2, size, 40))
    if kind == "related":
        right = left[rng.permutation(size)] + right
    elif kind == "uneven":
        left, right = (side * rng.uniform(0.1, 3, (size, 1)) + 0.5 for side in (left, right))
    elif kind == "few directions":
        left, right = (side[:, :4] @ rng.standard_normal((4, 40)) + 0.1 * side for side in (left, right))
    return np.ascontiguousarray(-(left @ right.T))


@pytest.mark.parametrize("kind", ["unrelated", "related", "uneven", "few directions"])
def test_potentials_do_not_change_the_solution(kind: str) -> None:
    cost = costs(kind, SMALL + 40)
    expected = linear_sum_assignment(cost)[1]
    np.testing.assert_array_equal(assign(cost.copy(), identity(len(cost)), 1e-9), expected)


@pytest.mark.parametrize("size", [5, SMALL + 7])
def test_equal_costs_keep_the_old(size: int) -> None:
    old = np.roll(identity(size), 2)
    np.testing.assert_array_equal(assign(np.full((size, size), -3.0), old, 1e-6), old)


def test_ties_keep_the_old_beside_what_gains() -> None:
    cost = np.array([[0.0, -1, 0, 0], [-1, 0, 0, 0], [0, 0, -2, -2], [0, 0, -2, -2]])
    np.testing.assert_array_equal(assign(cost.copy(), np.array([0, 1, 3, 2], np.int32), 1e-6), [1, 0, 3, 2])


@pytest.mark.parametrize(("gain", "is_taken"), [(1e-7, False), (1e-5, True)])
def test_gains_below_the_precision_are_none(gain: float, is_taken: bool) -> None:  # noqa: FBT001
    cost = np.array([[-1.0, -1 - gain], [-1 - gain, -1]])
    assert (assign(cost, identity(2), 1e-6)[0] == 1) == is_taken


def test_infinite_differences_do_not_arise_where_rows_are_zero() -> None:
    cost = costs("unrelated", SMALL + 10)
    cost[:50] = 0
    cost[:, 20:60] = 0
    expected = linear_sum_assignment(cost)
    found = assign(cost.copy(), identity(len(cost)), 1e-9)
    assert cost[np.arange(len(cost)), found].sum() == pytest.approx(cost[expected].sum())
