"""The best permutations of one cluster while all others stay as they are."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np

from mergec.symmetries.element import rows_of
from mergec.symmetries.matching.assignment import Prices, assign
from mergec.symmetries.matching.gram import TermGram, blocks
from mergec.symmetries.matching.limits import DENSE_LIMIT, SPARSE_ROWS, roots_at_once
from mergec.symmetries.matching.nested import InnerSolver
from mergec.symmetries.matching.waiting_factors import WaitingFactors

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from mergec.ir.symmetry import Symmetry
    from mergec.symmetries.matching.cluster import Cluster, Node, Term
    from mergec.symmetries.matching.gram import Pair, Run
    from mergec.symmetries.matching.times import Times

    Proposal = dict[int, NDArray[np.int32]]
    """Permutations (members, size) of the groups of a cluster."""

PRECISION = 1e-6
"""Relative to the terms, differences of float32 products that are rounding."""


class Gram(Protocol):
    """Inner products of the free units of two models, those of one index of the root next to each other."""

    unit: int

    def add(self, out: NDArray[np.float64], first: range, second: range, factor: float) -> None:
        """Add the products times a factor to out, for these indices of the root in either model."""


class WeightedGram(NamedTuple):
    """What a term adds to the tables of a cluster."""

    signature: tuple[int, ...]
    gram: Gram
    weight: float


def weighted(pair: Pair, term: Term, run: Run) -> WeightedGram:
    """What a term of a pair adds."""
    return WeightedGram(term.signature, TermGram(pair, term, run), term.view.tensor.weight)


class KnownCosts(NamedTuple):
    """Costs that need not be made, and the prices at which such costs were solved before."""

    costs: NDArray[np.float64]
    prices: Prices


def propose(
    pair: Pair, cluster: Cluster, grams: Sequence[WeightedGram], run: Run, known: KnownCosts | None = None
) -> Proposal:
    """The permutations that are best for the terms whose products are given, and the costs known already."""
    old = rows_of(pair.symmetry, pair.vector, cluster.root.group)[0]
    if cluster.root.children:
        return _nested(pair, cluster.root, grams)
    size = cluster.root.size
    every = range(size)
    if size > DENSE_LIMIT:
        from mergec.symmetries.matching.sparse_assignment import assign_sparse  # scipy.sparse

        def passes() -> Iterator[tuple[int, NDArray[np.float64]]]:
            for some in blocks(0, size, SPARSE_ROWS):
                cost = np.zeros((len(some), size))
                for _, gram, weight in grams:
                    gram.add(cost, some, every, -weight)
                yield some.start, cost

        return {cluster.root.group: assign_sparse(passes, old, PRECISION)[None]}
    cost = np.zeros((size, size)) if known is None else known.costs.copy()
    add_costs(cost, grams, run, pair.times)
    return {cluster.root.group: assign(cost, old, PRECISION, known and known.prices)[None]}


def add_costs(costs: NDArray[np.float64], grams: Sequence[WeightedGram], run: Run, times: Times) -> None:
    """Take the products of all units from costs, (units, units)."""
    waiting = WaitingFactors(costs, run, times)
    every = range(len(costs))
    for _, gram, weight in grams:
        if isinstance(gram, TermGram) and gram.is_small:
            waiting.make_room(2 * gram.term.view.height * gram.term.view.width)
            left, right = gram.factors()
            waiting.add((left, right if weight == 1 else right * weight))
        else:
            gram.add(costs, every, every, -weight)
    waiting.multiply()


def _nested(pair: Pair, root: Node, grams: Sequence[WeightedGram]) -> Proposal:
    """Of every pair of roots what its families gain, then an assignment of the roots."""
    symmetry = pair.symmetry
    solver = InnerSolver(symmetry, PRECISION)
    kept = {number: rows_of(symmetry, pair.vector, number) for number in root.numbers()}
    old = kept[root.group][0]
    value = np.zeros((root.size, root.size))
    families = [number for number in root.numbers() if number != root.group]
    inner = {
        number: np.empty(
            (root.size, root.size, len(kept[number]) // root.size, kept[number].shape[1]), np.int32
        )
        for number in families
    }
    for some, others in _root_blocks(root, {key: gram.unit for key, gram, _ in grams}):
        tables = _tables(grams, some, others)
        for x, y in product(some, others) if not root.is_frozen else zip(some, others, strict=True):
            below = {key: table[x - some.start, ..., y - others.start, :] for key, table in tables.items()}
            stays = solver.kept_below(root, kept, x, is_old=bool(old[x] == y))
            value[x, y], found = solver.solve(root, _shaped(symmetry, below), stays)
            for number in families:
                inner[number][x, y] = found[number]
    rows = old if root.is_frozen else assign(-value, old, PRECISION)
    every = np.arange(root.size)
    return {root.group: rows[None]} | {
        number: inner[number][every, rows].reshape(-1, inner[number].shape[-1]) for number in families
    }


def _root_blocks(root: Node, units: Mapping[tuple[int, ...], int]) -> Iterator[tuple[range, range]]:
    """Pairs of stretches of roots, of the anchor and the moving model, whose products are held at once."""
    stretches = blocks(0, root.size, roots_at_once(root, units.values()))
    if root.is_frozen:
        yield from zip(stretches, stretches, strict=True)
    else:
        yield from product(stretches, stretches)


def _tables(
    grams: Sequence[WeightedGram], some: range, others: range
) -> dict[tuple[int, ...], NDArray[np.float64]]:
    """The inner products between roots, by signature: (roots, units, roots, units)."""
    tables: dict[tuple[int, ...], NDArray[np.float64]] = {}
    for key, gram, weight in grams:
        unit = gram.unit
        shape = (len(some) * unit, len(others) * unit)
        table = tables.setdefault(key, np.zeros(shape))
        gram.add(table, some, others, weight)
    return {
        key: table.reshape(len(some), len(table) // len(some), len(others), -1)
        for key, table in tables.items()
    }


def _shaped(
    symmetry: Symmetry, tables: Mapping[tuple[int, ...], NDArray[np.float64]]
) -> dict[tuple[int, ...], NDArray[np.float64]]:
    """The tables of one pair of roots: without the root in the signature, an axis for each group."""
    sizes = {key: [symmetry.groups[group].size for group in key[1:]] for key in tables}
    return {key[1:]: table.reshape(sizes[key] * 2) for key, table in tables.items()}
