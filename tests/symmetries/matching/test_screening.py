"""What is proven from rough products is what exact ones give, and what they do not tell is not proven."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from scipy.optimize import linear_sum_assignment

from mergec.ir.symmetry import Mask, Symmetry
from mergec.symmetries.element import identity, permuted, random_element, rows_of
from mergec.symmetries.matching import rough_products, screening, torch_times
from mergec.symmetries.matching.cluster import clusters_of
from mergec.symmetries.matching.gram import Pair, TermGram
from mergec.symmetries.matching.objective import size
from mergec.symmetries.matching.part import parts_of
from mergec.symmetries.matching.rough_products import RoughProducts
from mergec.symmetries.matching.screening import permutations_of, proven_best
from mergec.symmetries.matching.stages import lines_of, stages
from mergec.symmetries.matching.times import IN_NUMPY
from tests.symmetries.matching.test_kept_costs import run
from tests.symmetries.matching.topologies import (
    Made,
    llama,
    match,
    mlp,
    noisy,
    operands,
    planted,
    residual,
    weights,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

    from mergec.symmetries.matching.cluster import Cluster, Term
    from mergec.symmetries.matching.solve_cluster import Proposal
    from mergec.symmetries.matching.times import Times
    from tests.symmetries.matching.topologies import Tensors

LARGE = {
    "mlp": mlp(1200, 300, 256, 7),
    "residual": residual(400, 260, 270, 2, 300),
    "llama": llama(layers=1, heads=16, kv=8, head=32, width=260),
}


@pytest.fixture(params=["numpy", torch.bfloat16, torch.float32], ids=str)
def times(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Times:
    """Of a match and of single pairs, whatever their size."""
    if request.param == "numpy":
        return IN_NUMPY
    monkeypatch.setattr(torch_times, "least_dtype", lambda: request.param)
    monkeypatch.setattr("mergec.symmetries.matching.times.MANY", 0)
    return torch_times.InTorch()


def pair_of(
    symmetry: Symmetry, anchor: Tensors, moving: Tensors, vector: NDArray[np.int32], times: Times = IN_NUMPY
) -> Pair:
    return Pair(symmetry, operands(symmetry, anchor), operands(symmetry, moving), vector, times)


def weighed(pair: Pair, cluster: Cluster) -> list[tuple[Term, float]]:
    return [(term, size(term.view, pair.anchor, pair.moving).norm) for term in cluster.terms]


def proven(pair: Pair, cluster: Cluster) -> Proposal | None:
    return proven_best(pair, cluster.root, weighed(pair, cluster), run)


def exact(pair: Pair, terms: list[Term]) -> NDArray[np.float64]:
    """The products of all units, in float64 from the whole tensors."""
    units = TermGram(pair, terms[0], run)
    count = units.unit * pair.symmetry.groups[terms[0].signature[0]].size
    out = np.zeros((count, count))
    roots = range(pair.symmetry.groups[terms[0].signature[0]].size)
    for term in terms:
        TermGram(pair, term, run).add(out, roots, roots, term.view.tensor.weight)
    return out


def plain_clusters(symmetry: Symmetry) -> Iterator[Cluster]:
    for cluster in clusters_of(symmetry, parts_of(symmetry)):
        if not cluster.root.children and cluster.root.size >= 256:
            yield cluster


@pytest.mark.parametrize("name", LARGE)
@pytest.mark.parametrize("noise", [0.0, 0.5])
def test_models_that_are_alike_are_matched_without_exact_products(
    name: str, noise: float, times: Times, monkeypatch: pytest.MonkeyPatch
) -> None:
    symmetry = LARGE[name]
    anchor, moved, element = planted(symmetry, 3, noise)
    asked: list[bool] = []

    def counted(*given: object) -> Proposal | None:
        found = proven_best(*given)  # type: ignore[arg-type]
        asked.append(found is not None)
        return found

    monkeypatch.setattr("mergec.symmetries.matching.state.proven_best", counted)
    found = match(symmetry, anchor, moved)
    np.testing.assert_array_equal(found.elements[0], element)
    assert any(asked), times


@pytest.mark.parametrize("name", LARGE)
@pytest.mark.parametrize("noise", [0.5, 1.5, 4.0])
def test_what_is_found_is_what_is_found_without_a_screen(
    name: str, noise: float, times: Times, monkeypatch: pytest.MonkeyPatch
) -> None:
    symmetry = LARGE[name]
    anchor, moved, _ = planted(symmetry, 5, noise)
    screened = match(symmetry, anchor, moved)
    monkeypatch.setattr("mergec.symmetries.matching.state.proven_best", lambda *_: None)
    exactly = match(symmetry, anchor, moved)
    np.testing.assert_array_equal(screened.elements[0], exactly.elements[0], err_msg=str(times))


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("noise", [0.1, 1.0, 2.0, 3.0, 10.0])
def test_what_is_proven_is_the_best_assignment(seed: int, noise: float, times: Times) -> None:
    """Of units of different norms too."""
    symmetry = LARGE["mlp"]
    random = np.random.default_rng(seed)
    anchor, moved, element = planted(symmetry, seed, noise)
    for tensors in (anchor, moved):
        for name in tensors:
            scales = 10 ** random.uniform(-0.2, 0.2, len(tensors[name]))
            tensors[name] = tensors[name] * scales.reshape(-1, *[1] * (tensors[name].ndim - 1))
    pair = pair_of(symmetry, anchor, moved, element, times)
    for cluster in plain_clusters(symmetry):
        found = proven(pair, cluster)
        assert found is not None or noise > 0.1, times
        if found is not None:
            products = exact(pair, list(cluster.terms))
            best = linear_sum_assignment(-products)[1]
            np.testing.assert_array_equal(found[cluster.root.group][0], best)


@pytest.mark.parametrize("name", LARGE)
@pytest.mark.parametrize("share", [0, 2, 4])
def test_rough_products_are_wrong_by_no_more_than_they_say(name: str, share: int, times: Times) -> None:
    symmetry = LARGE[name]
    anchor, moved = (weights(symmetry, seed, "float64") for seed in (1, 2))
    pair = pair_of(symmetry, anchor, moved, random_element(symmetry, 3), times)
    for cluster in clusters_of(symmetry, parts_of(symmetry)):
        signature = cluster.terms[-1].signature
        terms = [term for term in cluster.terms if term.signature == signature]
        rough = RoughProducts(pair, terms, run)
        planned = stages(terms, [energy for term, energy in weighed(pair, cluster) if term in terms])
        for stage in planned[: share + 1]:
            for stretch in stage:
                rough.multiply(stretch)
        rest = [stretch for stage in planned[share + 1 :] for stretch in stage]
        best = np.random.default_rng(0).permutation(len(rough.products))
        left = rough.norms_and_matches(rest, best)
        products = exact(pair, terms)
        norms = [(rough.squares[side] + left[side]).astype(np.float64) for side in (0, 1)]
        own = np.sqrt([square.astype(np.float64) for square in rough.squares])
        others = np.sqrt(left[:2].astype(np.float64))
        bound = rough.error * np.outer(*own) + (1 + 1e-5) * np.outer(*others)
        assert (np.abs(rough.products.astype(np.float64) - products) <= bound).all()
        every = np.arange(len(products))
        matched = rough.products.astype(np.float64)[every, best] + left[2].astype(np.float64)
        slack = (rough.error + 1e-5) * np.sqrt(norms[0] * norms[1][best])
        assert (np.abs(matched - products[every, best]) <= slack).all()
        assert sum(energy > 0 for energy in norms[0]) == len(products)


@pytest.mark.parametrize("name", LARGE)
def test_what_operands_keep_in_memory_stays_as_it_is(
    name: str, times: Times, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "tests.symmetries.matching.topologies.Held.rows", lambda held, start, stop: held.values[start:stop]
    )
    symmetry = LARGE[name]
    anchor, moved, element = planted(symmetry, 1, 0.5)
    pair = pair_of(symmetry, anchor, moved, element, times)
    before = [held.rows(0, held.shape[0]).copy() for held in (*pair.anchor, *pair.moving)]
    for cluster in clusters_of(symmetry, parts_of(symmetry)):
        assert proven(pair, cluster) is not None, times
    after = [held.rows(0, held.shape[0]) for held in (*pair.anchor, *pair.moving)]
    assert all(map(np.array_equal, before, after))


def test_models_that_have_nothing_in_common_are_not_proven(times: Times) -> None:
    symmetry = LARGE["mlp"]
    pair = pair_of(symmetry, weights(symmetry, 1), weights(symmetry, 2), identity(symmetry), times)
    assert all(proven(pair, cluster) is None for cluster in plain_clusters(symmetry)), times


def test_units_that_are_nearly_equal_are_not_told_from_each_other(times: Times) -> None:
    symmetry = mlp(1200, 300, 3)
    anchor = weights(symmetry, 1)
    for tensors in anchor.values():
        along = tensors if len(tensors) == 300 else tensors.T
        if len(along) == 300:
            along[7] = along[5] * np.float32(1 + 1e-6)
    cluster = next(plain_clusters(symmetry))
    assert proven(pair_of(symmetry, anchor, anchor, identity(symmetry), times), cluster) is None
    different = weights(symmetry, 1)
    assert proven(pair_of(symmetry, different, different, identity(symmetry)), cluster) is not None


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # a match ignores them in its threads
def test_a_unit_that_is_zero_or_not_finite_proves_nothing() -> None:
    symmetry = mlp(1200, 300, 3)
    cluster = next(plain_clusters(symmetry))
    for value in (0.0, 1e38):
        anchor = weights(symmetry, 1)
        for tensors in anchor.values():
            if len(tensors) == 300:
                tensors[7] = value
        pair = pair_of(symmetry, anchor, anchor, identity(symmetry))
        terms = [(term, 1.0) for term in cluster.terms]
        assert proven_best(pair, cluster.root, terms, run) is None


def test_what_is_masked_proves_nothing() -> None:
    """The anchor's units are told apart only by what does not count."""
    symmetry = mlp(2000, 300, 3)
    tensors = tuple(
        tensor._replace(masks=(Mask(1, 0, 2000),)) if tensor.shape == (300, 2000) else tensor
        for tensor in symmetry.tensors
    )
    masked = Symmetry(symmetry.groups, tensors)
    models = weights(symmetry, 1)
    cluster = next(plain_clusters(masked))
    assert proven(pair_of(masked, models, models, identity(masked)), cluster) is None


def test_a_frozen_root_stays_in_its_place() -> None:
    made = Made()
    made.group("h", 16, is_frozen=True)
    made.group("v", 20, "h")
    made.tensor("v", "h v ; 1500")
    made.tensor("o", "1500 ; h v")
    symmetry = made.symmetry()
    (cluster,) = clusters_of(symmetry, parts_of(symmetry))
    anchor = weights(symmetry, 1)
    moved = permuted(symmetry, random_element(symmetry, 2), anchor)
    found = proven(pair_of(symmetry, anchor, moved, identity(symmetry)), cluster)
    assert found is not None
    np.testing.assert_array_equal(found[0][0], np.arange(16))
    heads = {name: np.roll(values, 20, axis="vo".index(name)) for name, values in anchor.items()}
    assert proven(pair_of(symmetry, anchor, heads, identity(symmetry)), cluster) is None


@pytest.mark.parametrize("seed", range(5))
def test_units_that_families_permute_are_told_from_others(seed: int) -> None:
    made = Made()
    made.group("h", 4)
    made.group("q", 3, "h")
    made.group("v", 2, "h")
    made.group("d", 5, "q")
    symmetry = made.symmetry()
    element = random_element(symmetry, seed)
    vectors: Mapping[int, NDArray[np.int32]] = {g: rows_of(symmetry, element, g) for g in range(4)}
    for signature in ((0,), (0, 1), (0, 2), (0, 1, 2), (0, 1, 3)):
        sizes = [symmetry.groups[group].size for group in signature]
        at = np.indices(sizes)
        moved = []
        for group in signature:
            member = np.zeros(sizes, np.int64)
            for parent in symmetry.parents(group):
                member = member * symmetry.groups[parent].size + at[signature.index(parent)]
            moved.append(vectors[group][member, at[signature.index(group)]])
        units = np.ravel_multi_index(tuple(moved), sizes).reshape(-1)
        found = permutations_of(symmetry, signature, units)
        assert found is not None
        assert found.keys() == set(signature)
        assert all(np.array_equal(found[group], vectors[group]) for group in signature)
        if len(signature) > 1:
            units[[0, -1]] = units[[-1, 0]]
            assert permutations_of(symmetry, signature, units) is None
    assert permutations_of(symmetry, (1,), np.arange(3)) is None


def test_lines_are_what_stretches_count(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small blocks give the same proof as large ones."""
    symmetry = LARGE["residual"]
    anchor, moved, _ = planted(symmetry, 1, 0.3)
    pair = pair_of(symmetry, anchor, noisy(moved, 0.1, 4), random_element(symmetry, 1))
    clusters = list(plain_clusters(symmetry))
    assert all(lines_of(term) > 0 for cluster in clusters for term in cluster.terms)
    whole = [proven(pair, cluster) for cluster in clusters]
    monkeypatch.setattr(rough_products, "SCREENED_ELEMENTS", 5000)
    monkeypatch.setattr(rough_products, "SCREENED_COLUMNS", 5000)
    monkeypatch.setattr(rough_products, "SCREENED_LINES", 16)
    monkeypatch.setattr(rough_products, "BLOCK_BYTES", 5000)
    monkeypatch.setattr(screening, "COST_ROWS", 7)
    for one, cluster in zip(whole, clusters, strict=True):
        again = proven(pair, cluster)
        assert (one is None) == (again is None)
        if one is not None and again is not None:
            np.testing.assert_array_equal(one[cluster.root.group], again[cluster.root.group])
