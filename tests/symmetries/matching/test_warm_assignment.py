from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linear_sum_assignment

from mergec.symmetries.matching.assignment import Prices, assign
from mergec.symmetries.matching.warm_assignment import warm_assignment
from tests.symmetries.matching.test_assignment import costs, identity


@settings(deadline=None)
@given(
    seed=st.integers(0, 10_000),
    size=st.integers(1, 40),
    levels=st.sampled_from([2, 50, 1 << 30]),
    is_priced=st.booleans(),
)
def test_it_is_the_least_with_prices_that_prove_it(
    seed: int, size: int, levels: int, *, is_priced: bool
) -> None:
    """Of whole numbers, so that sums are exact; with few of them there are many ties."""
    random = np.random.default_rng(seed)
    cost = random.integers(0, levels, (size, size)).astype(np.float64)
    columns = random.integers(-9, 9, size).astype(np.float64) * is_priced
    old = random.permutation(size).astype(np.int32)
    before = cost.copy()
    best = warm_assignment(cost, old, columns)
    np.testing.assert_array_equal(cost, before)
    if best is None:
        return
    assert sorted(best) == list(range(size))
    every = np.arange(size)
    least = cost[linear_sum_assignment(cost)].sum()
    assert cost[every, best].sum() == least
    reduced = cost - columns
    np.testing.assert_array_equal(reduced[every, best], reduced.min(axis=1))


@pytest.mark.parametrize("kind", ["unrelated", "related", "uneven", "few directions"])
def test_costs_that_come_again(kind: str) -> None:
    cost = costs(kind, 300)
    prices = Prices()
    old = identity(300)
    for turn in range(4):
        old = assign(cost.copy(), old, 1e-12, prices)
        np.testing.assert_array_equal(old, linear_sum_assignment(cost)[1])
        assert prices.columns is not None, "it took too long"
        cost = cost + 1e-2 * np.random.default_rng(turn).standard_normal(cost.shape)


def test_what_takes_too_many_steps_is_left_to_others() -> None:
    assert warm_assignment(np.ones((200, 200)), identity(200), np.random.default_rng(0).random(200)) is None
