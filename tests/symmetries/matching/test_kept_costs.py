"""Costs and values that are brought up to date are those made anew."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from mergec.symmetries.element import identity, random_element
from mergec.symmetries.matching.changed_products import ChangedProducts
from mergec.symmetries.matching.cluster import clusters_of, with_kept_costs
from mergec.symmetries.matching.gram import Pair, TermGram
from mergec.symmetries.matching.kept_costs import KeptCosts
from mergec.symmetries.matching.objective import value, value_since
from mergec.symmetries.matching.part import parts_of
from tests.symmetries.matching.topologies import ALL, match, mlp, operands, residual, weights

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from numpy.typing import NDArray

    from mergec.ir.symmetry import Symmetry
    from mergec.symmetries.matching.cluster import Cluster


def run(work: Callable[[range], None], blocks: Iterable[range]) -> None:
    for block in blocks:
        work(block)


def pair_of(symmetry: Symmetry, vector: NDArray[np.int32]) -> Pair:
    anchor, moving = (operands(symmetry, weights(symmetry, seed, "float64")) for seed in (1, 2))
    return Pair(symmetry, anchor, moving, vector)


def swapped(symmetry: Symmetry, vector: NDArray[np.int32]) -> NDArray[np.int32]:
    """With the first two indices of each permutation exchanged."""
    out = vector.copy()
    for number, group in enumerate(symmetry.groups):
        rows = out[symmetry.starts[number] :][: symmetry.members(number) * group.size]
        rows = rows.reshape(-1, group.size)
        rows[:, [0, 1]] = rows[:, [1, 0]]
    return out


def made_anew(pair: Pair, cluster: Cluster) -> NDArray[np.float64]:
    every = range(cluster.root.size)
    out = np.zeros((len(every), len(every)))
    for term in cluster.terms:
        TermGram(pair, term, run).add(out, every, every, -term.view.tensor.weight)
    return out


@pytest.mark.parametrize("name", ALL)
def test_costs_follow_what_moves(name: str) -> None:
    symmetry = ALL[name]
    clusters = clusters_of(symmetry, parts_of(symmetry))
    for number in with_kept_costs(clusters):
        cluster = clusters[number]
        kept = KeptCosts(cluster)
        near = identity(symmetry)
        vectors = [near, near, swapped(symmetry, near), random_element(symmetry, 3), near]
        for count, vector in enumerate(vectors):
            pair = pair_of(symmetry, vector)
            used = cluster.parts if count else cluster.parts[:1]
            found = kept.at(pair, used, run).costs
            if count:
                np.testing.assert_allclose(found, made_anew(pair, cluster), rtol=0, atol=1e-10)


def test_a_few_units_that_move_are_not_all_made_anew() -> None:
    symmetry = residual(8, 40, 30, 2, 3)
    start = identity(symmetry)
    pair = pair_of(symmetry, swapped(symmetry, start))
    for cluster in clusters_of(symmetry, parts_of(symmetry)):
        for term in cluster.terms:
            change = ChangedProducts(pair, term, start)
            assert change.is_possible
            groups = set(term.view.groups()) - {cluster.root.group}
            moved = sum(left.shape[1] for left, _ in change.factors())
            assert moved == (2 if groups else 0)


def test_only_so_many_costs_are_kept() -> None:
    def kept(*sizes: int) -> set[str]:
        symmetry = mlp(*sizes)
        clusters = clusters_of(symmetry, parts_of(symmetry))
        return {clusters[number].name for number in with_kept_costs(clusters)}

    assert kept(4, 2000, 1000, 2100, 3) == {"P1", "P2"}
    assert kept(4, 20_000, 3) == set()


@pytest.mark.parametrize("name", ALL)
def test_values_follow_what_moves(name: str) -> None:
    symmetry = ALL[name]
    for before, after in (
        (identity(symmetry), swapped(symmetry, identity(symmetry))),
        (random_element(symmetry, 3), swapped(symmetry, random_element(symmetry, 3))),
        (random_element(symmetry, 3), random_element(symmetry, 4)),
    ):
        for part in parts_of(symmetry):
            worth = value(pair_of(symmetry, before), part)
            pair = pair_of(symmetry, after)
            assert value_since(worth, before, pair, part) == pytest.approx(value(pair, part), abs=1e-11)


@pytest.mark.parametrize("name", ALL)
def test_nobody_sees_what_was_in_memory(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    symmetry = ALL[name]
    models = weights(symmetry, 1), weights(symmetry, 2)
    before = {name: value.copy() for name, value in models[0].items()}
    read = match(symmetry, *models)
    monkeypatch.setattr("tests.symmetries.matching.topologies.Held.in_memory", lambda held: held.values)
    monkeypatch.setattr(
        "tests.symmetries.matching.topologies.Held.rows", lambda held, start, stop: held.values[start:stop]
    )
    held = match(symmetry, *models)
    np.testing.assert_array_equal(read.elements[0], held.elements[0])
    assert read.models == held.models
    assert all(np.array_equal(before[name], value) for name, value in models[0].items())
