"""Which stretches of the terms of a cluster are multiplied first, where not all need be."""

from __future__ import annotations

from math import ceil, prod
from typing import TYPE_CHECKING, NamedTuple

from mergec.symmetries.matching.limits import DENSE_LIMIT, LEAST_SCREENED

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from mergec.ir.symmetry import Symmetry
    from mergec.symmetries.matching.cluster import Term

SHARES = (1 / 8, 3 / 8, 1 / 2, 3 / 4, 1.0)
"""Of the energy of all terms: what has been multiplied when it is looked at what follows from it."""
ALIGNED = 64
"""Columns of factors, of which stretches are multiples."""


class Stretch(NamedTuple):
    """Some lines of a term: rows of its part, or columns of its factors where its units are on the rows."""

    term: int
    some: range


def columns_of(term: Term) -> int:
    """How many columns the factors of a term have, whose rows are its units."""
    part = term.view
    free = [part.rows[i].size for i in term.free_rows] + [part.columns[i].size for i in term.free_columns]
    return part.height * part.width // prod(free)


def lines_of(term: Term) -> int:
    """How many lines a term has."""
    return columns_of(term) if term.free_rows else term.view.height


def can_be_screened(symmetry: Symmetry, terms: Iterable[Term]) -> bool:
    """Whether terms have many units, of each term all on one side, of which all products can be held."""
    most = 0
    for term in terms:
        if term.held or (term.free_rows and term.free_columns):
            return False
        most = max(most, prod(symmetry.groups[group].size for group in term.signature))
    return LEAST_SCREENED <= most <= DENSE_LIMIT


def stages(terms: Sequence[Term], energies: Sequence[float]) -> list[list[Stretch]]:
    """The stretches of each stage, together all of all terms; those with most energy per product come first.

    `energies` are those of the terms. Terms of few columns are last: to add their products costs too much.
    """
    total = sum(energies)
    elements = [term.view.height * term.view.width for term in terms]
    is_thin = [columns_of(term) < ALIGNED for term in terms]
    order = sorted(range(len(terms)), key=lambda i: (is_thin[i], -energies[i] / elements[i], i))
    found: list[list[Stretch]] = [[] for _ in SHARES]
    before = 0.0
    for number in order:
        share, lines, start = energies[number] / total, lines_of(terms[number]), 0
        for stage, limit in zip(found, SHARES, strict=True):
            part = 1.0 if limit == 1 else (limit - before) / share if share else 0.0
            stop = min(lines, ceil(max(part, 0.0) * lines / ALIGNED) * ALIGNED) if part < 1 else lines
            if start < stop:
                stage.append(Stretch(number, range(start, stop)))
                start = stop
        before += share
    return found
