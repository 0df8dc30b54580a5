from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment

from mergec.symmetries.matching import cluster, solve_cluster
from mergec.symmetries.matching.sparse_assignment import assign_sparse
from tests.symmetries.matching.test_assignment import costs, identity
from tests.symmetries.matching.topologies import match, mlp, planted, weights

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

KINDS = ["unrelated", "related", "uneven", "few directions"]


def blocks(cost: NDArray[np.float64], rows: int) -> Callable[[], Iterator[tuple[int, NDArray[np.float64]]]]:
    def passes() -> Iterator[tuple[int, NDArray[np.float64]]]:
        for start in range(0, len(cost), rows):
            yield start, cost[start : start + rows].copy()

    return passes


@pytest.mark.parametrize("kind", KINDS)
def test_with_all_candidates_it_is_the_dense_solution(kind: str) -> None:
    cost = costs(kind, 200)
    found = assign_sparse(blocks(cost, 64), identity(200), 1e-9, count=200)
    np.testing.assert_array_equal(found, linear_sum_assignment(cost)[1])


@pytest.mark.parametrize("kind", KINDS)
def test_with_few_it_is_the_dense_solution_or_near_it(kind: str) -> None:
    cost = costs(kind, 600)
    found = assign_sparse(blocks(cost, 128), identity(600), 1e-9)
    best = cost[linear_sum_assignment(cost)].sum()
    assert sorted(found) == list(range(600))
    assert cost[np.arange(600), found].sum() <= best * (1 - 2e-3)  # the costs are below zero


def test_there_is_always_a_full_matching() -> None:
    cost = np.zeros((50, 50))
    cost[:, 0] = -1  # everybody wants the same few
    cost[:, 1] = -0.9
    found = assign_sparse(blocks(cost, 16), identity(50), 1e-9, count=2)
    assert sorted(found) == list(range(50))


def test_equal_costs_keep_the_old() -> None:
    old = np.roll(identity(40), 3)
    np.testing.assert_array_equal(assign_sparse(blocks(np.full((40, 40), -2.0), 7), old, 1e-6), old)


def test_nearly_equal_costs_do_not_hang_it() -> None:
    rng = np.random.default_rng(0)
    cost = -np.repeat(rng.uniform(0, 1, (300, 30)), 10, axis=1)
    cost += 1e-13 * rng.standard_normal(cost.shape)
    found = assign_sparse(blocks(cost, 100), identity(300), 1e-9)
    best = cost[linear_sum_assignment(cost)].sum()
    assert cost[np.arange(300), found].sum() == pytest.approx(best, rel=1e-3)


def test_groups_above_the_limit_are_matched_by_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "KEPT_COSTS", 0)
    monkeypatch.setattr(solve_cluster, "DENSE_LIMIT", 30)
    monkeypatch.setattr(solve_cluster, "SPARSE_ROWS", 16)
    symmetry = mlp(12, 40, 50, 6)
    for seed in range(5):
        anchor, moved, element = planted(symmetry, seed, noise=0.3)
        np.testing.assert_array_equal(match(symmetry, anchor, moved).elements[0], element)
    sparse = match(symmetry, weights(symmetry, 1), weights(symmetry, 2))
    monkeypatch.undo()
    dense = match(symmetry, weights(symmetry, 1), weights(symmetry, 2))
    np.testing.assert_array_equal(sparse.elements[0], dense.elements[0])
