"""How much memory a match takes at most: a bound that the plan counts with."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, NamedTuple

from mergec.symmetries.matching.cluster import clusters_of, with_kept_costs
from mergec.symmetries.matching.limits import (
    BLOCK_BYTES,
    CANDIDATES,
    CHANGE_BYTES,
    COST_ROWS,
    DENSE_LIMIT,
    FACTOR_ELEMENTS,
    INVARIANT_ELEMENTS,
    LEAST_ROWS,
    SCREENED_COLUMNS,
    SCREENED_ELEMENTS,
    SCREENED_LINES,
    SLICE,
    SPARSE_PASSES,
    SPARSE_ROWS,
    roots_at_once,
)
from mergec.symmetries.matching.part import parts_of
from mergec.symmetries.matching.stages import can_be_screened

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mergec.ir.matching import Matching
    from mergec.ir.symmetry import Symmetry
    from mergec.symmetries.matching.cluster import Cluster, Node, Term
    from mergec.symmetries.matching.part import Part

F64 = 8
KEPT = 2
"""Memory that is freed in blocks of this size may stay with the thread that asked for it, as often again."""
SMALL_THINGS = 4 << 20
"""Of each thread: indices, Python's own objects."""


class Tile(NamedTuple):
    """Bytes of some rows of a part as they are multiplied, and of reading them until they are."""

    held: int
    reading: int


def bytes_needed(matching: Matching, workers: int, itemsize: int = 4) -> int:
    """What solve() takes at most, its operands' own memory apart; `itemsize` is that of their values.

    Costs of as many clusters as are solved at once, with a tile of the anchor each; and as many products of
    blocks.
    """
    symmetry = matching.symmetry
    parts = parts_of(symmetry)
    found = clusters_of(symmetry, parts)
    kept = with_kept_costs(found)
    models = matching.models if matching.refine else 0
    whole = max((_comparison(part, itemsize, models) for part in parts), default=0)
    clusters = []
    products = whole + SMALL_THINGS
    for number, cluster in enumerate(found):
        tiles = [_tile(term, itemsize, models) for term in cluster.terms]
        reading = max((tile.held + tile.reading for tile in tiles), default=0)
        reading = max([reading, *(_invariants(term, itemsize, models) for term in cluster.terms)])
        if not cluster.root.children:
            reading = max(reading, _factors(cluster, itemsize, models))
        screened = _screening(symmetry, cluster, itemsize, models)
        if number in kept:
            reading = max(reading, _changes(cluster, itemsize, models))
        clusters.append(max(_costs(symmetry, cluster) + reading, screened, whole) + SMALL_THINGS)
        for term, tile in zip(cluster.terms, tiles, strict=True):
            block = _product(term, itemsize)
            block += tile.held  # the matrix that blocks are multiplied with, in the order of the library
            if term.free_rows:
                block += tile.held
            block = max(tile.reading, block)  # a worker reads or multiplies
            products = max(products, block + SMALL_THINGS)
    at_once = sum(sorted(clusters, reverse=True)[:workers])
    vectors = 16 * symmetry.length * (matching.models + workers + 1)
    throughout = vectors + sum(found[number].costs_bytes for number in kept) + SMALL_THINGS
    return max(at_once + workers * products, workers * whole) + throughout


def _reading(part: Part, rows: int, itemsize: int, models: int) -> int:
    """Of reading rows of a part: as they are stored, those that are read with them, in order, cut, turned."""
    row = itemsize * prod(part.tensor.shape[part.row_axes :])
    stored = rows * row
    spread = itemsize * min(max(row // itemsize, BLOCK_BYTES // 4), prod(part.tensor.shape))
    mean = stored + max(stored, 2 * spread) if models else 0
    return stored + max(stored, 2 * spread) + mean + 64 * (part.height + part.width)


def _rows(part: Part, least: int = 1) -> int:
    """The rows of a block of a part; all that are stored, if it is read as a whole."""
    if part.order is not None:
        return prod(stop - start for start, stop in part.box[: part.row_axes])
    return min(part.height, max(least, BLOCK_BYTES // (4 * part.width)))


def _comparison(part: Part, itemsize: int, models: int) -> int:
    """Of comparing blocks of both operands in float64."""
    rows = _rows(part)
    stored = rows * itemsize * prod(part.tensor.shape[part.row_axes :])
    return KEPT * (stored + _reading(part, rows, itemsize, models)) + 4 * F64 * SLICE


def _tile(term: Term, itemsize: int, models: int) -> Tile:
    part = term.view
    if term.free_rows:
        root = next(part.rows[i].size for i in term.free_rows if part.rows[i].group == term.signature[0])
        rows = max(_rows(part), part.height // root)
    else:
        rows = _rows(part, LEAST_ROWS)
    return Tile(KEPT * rows * part.width * itemsize, KEPT * _reading(part, rows, itemsize, models))


def _invariants(term: Term, itemsize: int, models: int) -> int:
    """Of a small term's sums: it is read at once, and then in float64 with its powers."""
    elements = term.view.height * term.view.width
    if elements > INVARIANT_ELEMENTS:
        return 0
    return KEPT * (_reading(term.view, term.view.height, itemsize, models) + 6 * F64 * elements)


def _factors(cluster: Cluster, itemsize: int, models: int) -> int:
    """Of small terms' factors: those that wait to be multiplied, and reading one more."""
    small = [term.view for term in cluster.terms if 4 * term.view.height * term.view.width <= BLOCK_BYTES]
    elements = 2 * sum(view.height * view.width for view in small)
    reading = max((_reading(view, _rows(view), itemsize, models) for view in small), default=0)
    waiting = itemsize * min(FACTOR_ELEMENTS, elements)
    return KEPT * (waiting + waiting // 2 + reading)


def _screening(symmetry: Symmetry, cluster: Cluster, itemsize: int, models: int) -> int:
    """Of rough products: all of them in float32, factors of both models, and reading these."""
    if not can_be_screened(symmetry, cluster.terms):
        return 0
    units = reading = 0
    for term in cluster.terms:
        part = term.view
        own = prod(symmetry.groups[group].size for group in term.signature)
        if term.free_rows:
            lines = part.height * part.width // own
            elements = min(own * lines, max(SCREENED_ELEMENTS, lines))
            read = _reading(part, max(_rows(part), part.height // own), itemsize, models)
        else:
            rows = min(part.height, max(SCREENED_LINES, SCREENED_COLUMNS // part.width))
            elements = rows * part.width
            read = 2 * _reading(part, rows, itemsize, models)
        units, reading = max(units, own), max(reading, 3 * 4 * elements + KEPT * read)
    return 4 * units * units + reading


def _changes(cluster: Cluster, itemsize: int, models: int) -> int:
    """Of the factors of changes: those that wait, and what two more are made of."""
    views = [term.view for term in cluster.terms]
    elements = 2 * sum(view.height * view.width for view in views)
    most = max(CHANGE_BYTES // 4, *(max(view.height, view.width) for view in views))
    reading = max(_reading(view, _rows(view), itemsize, models) for view in views)
    return KEPT * (itemsize * min(FACTOR_ELEMENTS + 4 * most, elements) + reading)


def _product(term: Term, itemsize: int) -> int:
    """The products of a block of units, made and copied; both tiles in float64 where only one of them is."""
    units = prod(
        factor.size
        for side, free in ((term.view.rows, term.free_rows), (term.view.columns, term.free_columns))
        for factor in (side[i] for i in free)
    )
    doubled = 2 * _tile(term, itemsize, 0).held if itemsize == F64 else 0
    return (KEPT + 1) * min(max(BLOCK_BYTES, itemsize * units), itemsize * units * units) + doubled


def _costs(symmetry: Symmetry, cluster: Cluster) -> int:
    root = cluster.root
    if root.children:
        return _nested(symmetry, root, cluster.terms)
    if root.size > DENSE_LIMIT:
        found = (SPARSE_PASSES + 1) * CANDIDATES * root.size  # of columns from the first pass only
        made = 2 * SPARSE_ROWS * root.size  # a block while the one before it is still looked at
        return F64 * (made + 12 * found)
    return F64 * root.size * (root.size + 6 * COST_ROWS + 32)


def _nested(symmetry: Symmetry, root: Node, terms: Iterable[Term]) -> int:
    """Tables of some roots, one pair's work on them, and the permutations found for all pairs."""
    units = {
        term.signature: prod(symmetry.groups[group].size for group in term.signature[1:]) for term in terms
    }
    at_once = roots_at_once(root, units.values())
    pair = sum(unit * unit for unit in units.values())
    families = [number for number in root.numbers() if number != root.group]
    entries = sum(symmetry.members(number) * symmetry.groups[number].size for number in families)
    inner = max((symmetry.groups[number].size for number in families), default=1)
    assignments = inner * (inner + 6 * COST_ROWS + 32)
    return F64 * (at_once * at_once * pair + 6 * pair + assignments + root.size * (entries + 8 * root.size))
