"""Families inside one pair of units: the best inner permutations, and what the pair is then worth."""

from __future__ import annotations

from itertools import product
from math import prod
from typing import TYPE_CHECKING

import numpy as np

from mergec.symmetries.matching.assignment import assign

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from mergec.ir.symmetry import Symmetry
    from mergec.symmetries.matching.cluster import Node

    Table = NDArray[np.float64]
    Tables = Mapping[tuple[int, ...], Table]
    Rows = Mapping[int, NDArray[np.int32]]

ROUNDS = 8
"""How often siblings that share a part are solved in turn."""


class InnerSolver:
    """Solves the families below a pair of units of two models.

    `tables` give for each signature, of groups below the pair, the inner products of the units that it
    numbers: an axis for each group of the anchor, then one for each of the moving model.
    """

    def __init__(self, symmetry: Symmetry, precision: float) -> None:
        """Gains below the precision, relative to the terms, are none."""
        self.symmetry = symmetry
        self.sizes = [group.size for group in symmetry.groups]
        self.precision = precision

    def solve(self, node: Node, tables: Tables, kept: Rows) -> tuple[float, Rows]:
        """The value of a pair, and for each group below the node its permutations in it, (members, size).

        `kept` are the permutations that stay where none is better.
        """
        found: dict[int, NDArray[np.int32]] = {}
        known: set[int] = set()
        shares = {key: self._sharers(node, key) for key in tables}
        alone = {child.group for key, own in shares.items() if len(own) == 1 for child in own}
        order = sorted(node.children, key=lambda child: child.group not in alone)
        is_shared = any(len(own) > 1 for own in shares.values())
        for _ in range(ROUNDS if is_shared else 1):
            has_changed = False
            for child in order:
                terms = self._terms(child, tables, shares, found, known)
                rows = self._solve_child(child, terms, kept)
                numbers = list(child.numbers())
                has_changed |= child.group not in known or any(
                    not np.array_equal(found[number], rows[number]) for number in numbers
                )
                found.update(rows)
                known.add(child.group)
            if not has_changed:
                break
        return float(sum(self._held(table, key, (), found) for key, table in tables.items())), found

    def _sharers(self, node: Node, key: tuple[int, ...]) -> list[Node]:
        return [child for child in node.children if not set(key).isdisjoint(child.numbers())]

    def _terms(
        self,
        child: Node,
        tables: Tables,
        shares: Mapping[tuple[int, ...], list[Node]],
        found: Rows,
        known: set[int],
    ) -> dict[tuple[int, ...], Table]:
        """The tables that a child stands in, its siblings held where they are; unsolved ones are left out."""
        own = set(child.numbers())
        terms: dict[tuple[int, ...], Table] = {}
        for key, table in tables.items():
            others = [other.group for other in shares[key] if other is not child]
            if child in shares[key] and all(other in known for other in others):
                free = tuple(group for group in key if group in own)
                term = self._held(table, key, free, found)
                terms[free] = terms[free] + term if free in terms else term
        return terms

    def _solve_child(self, child: Node, terms: Tables, kept: Rows) -> dict[int, NDArray[np.int32]]:
        """The child's permutation and those below it."""
        size = child.size
        old = kept[child.group][0]
        if not child.children:
            value = terms.get((child.group,), np.zeros((size, size)))
            rows = old if child.is_frozen else assign(-value, old, self.precision)
            return {child.group: rows[None]}
        value = np.zeros((size, size))
        inner: dict[tuple[int, int], Rows] = {}
        pairs = (
            zip(range(size), range(size), strict=True) if child.is_frozen else product(range(size), repeat=2)
        )
        for x, y in pairs:
            below = {key[1:]: _at(table, x, y) for key, table in terms.items()}
            value[x, y], inner[x, y] = self.solve(
                child, below, self.kept_below(child, kept, x, is_old=int(old[x]) == y)
            )
        rows = old if child.is_frozen else assign(-value, old, self.precision)
        chosen = [inner[x, int(y)] for x, y in enumerate(rows)]
        return {child.group: rows[None]} | {
            number: np.concatenate([some[number] for some in chosen])
            for number in child.numbers()
            if number != child.group
        }

    def kept_below(self, node: Node, kept: Rows, index: int, *, is_old: bool) -> Rows:
        """What stays below one index of a node: what is there if the pair is the old one, or the identity."""
        below = {}
        for number in node.numbers():
            if number != node.group:
                rows = kept[number]
                count = len(rows) // node.size
                own = rows[index * count : (index + 1) * count]
                below[number] = (
                    own
                    if is_old
                    else np.broadcast_to(np.arange(self.sizes[number], dtype=np.int32), own.shape)
                )
        return below

    def _held(self, table: Table, key: tuple[int, ...], free: tuple[int, ...], found: Rows) -> Table:
        """A table with all groups but the free ones held at what was found: summed over their units."""
        if key == free:
            return table
        held = [i for i, group in enumerate(key) if group not in free]
        other = [i for i, group in enumerate(key) if group in free]
        count = prod(self.sizes[key[i]] for i in held)
        inner = prod(self.sizes[key[i]] for i in other)
        axes = [*held, *other, *(i + len(key) for i in held), *(i + len(key) for i in other)]
        table = table.transpose(axes).reshape(count, inner, count, inner)
        partner = self._partner([key[i] for i in held], found)
        shape = [self.sizes[key[i]] for i in other]
        total: Table = table[np.arange(count), :, partner].sum(axis=0)
        return total.reshape(shape * 2)

    def _partner(self, groups: Sequence[int], found: Rows) -> NDArray[np.int64]:
        """For units numbered by groups, parents first, which unit of the moving model each is paired with."""
        sizes = [self.sizes[group] for group in groups]
        places = np.unravel_index(np.arange(prod(sizes)), sizes) if sizes else ()
        partner = np.zeros(prod(sizes), np.int64)
        for number, group in enumerate(groups):
            member = np.zeros_like(partner)
            for parent in self.symmetry.parents(group):
                if parent in groups:
                    member = member * self.sizes[parent] + places[groups.index(parent)]
            partner = partner * self.sizes[group] + found[group][member, places[number]]
        return partner


def _at(table: Table, first: int, second: int) -> Table:
    pair: Table = np.take(table[first], second, axis=table.ndim // 2 - 1)
    return pair
