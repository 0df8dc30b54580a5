"""The sizes that decide how much a match holds: what solves it and what counts its memory agree on them."""

from __future__ import annotations

from math import isqrt
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mergec.symmetries.matching.cluster import Node

BLOCK_BYTES = 16 << 20
"""What one read, one tile and one block of products take, unless a single row is more than that."""
SLICE = 1 << 16
"""Elements that are multiplied in float64 at once."""
COST_ROWS = 128
"""Rows of a table of costs that are worked on at once."""
FEW_CANDIDATES = 32
"""The lowest costs of each row among which the least assignment of a table is looked for first."""
LEAST_ROWS = 512
"""Of blocks whose products add up: with fewer the sums in float64 would take longer than the products."""
KEPT_COSTS = 64 << 20
"""What the costs take, of all groups together, that are kept until their group is solved again."""
FACTOR_ELEMENTS = 10 << 20
"""Of the factors of both models that wait until they are multiplied together."""
LEAST_SCREENED = 256
"""The size of groups whose products are worth to be spared."""
SCREENED_ELEMENTS = 32 << 20
"""Of the factors of either model that are multiplied at once in few digits, where the units are rows."""
SCREENED_COLUMNS = 2 << 20
"""Of those where the units are columns: they are read at once."""
SCREENED_LINES = 1024
"""Of these at least so many rows: with fewer, adding products up would take longer than making them."""
CHANGE_BYTES = 4 << 20
"""What the factors of a change take of either model."""
DENSE_LIMIT = 16384
"""Above this size the costs of a group are never held as a whole."""
SPARSE_ROWS = 1024
"""Rows of costs that are held at once where not all are."""
GRAM_BYTES = 64 << 20
"""What the inner products of some roots of a nested cluster take, unless those of a single pair are more."""
CANDIDATES = 64
"""The best of each row and of each column that are kept then."""
SPARSE_PASSES = 5
"""How often candidates are chosen: but for the first time at the prices that were found with those before."""
INVARIANT_ELEMENTS = 1 << 20
"""Of larger parts no invariants are taken: where they count, networks are small."""


def roots_at_once(root: Node, units: Iterable[int]) -> int:
    """How many roots of either model are compared at once, given how many units one holds in each table."""
    squares = sum(unit * unit for unit in units)
    return 1 if root.is_frozen else min(root.size, max(1, isqrt(GRAM_BYTES // (8 * squares))))
