"""The best permutation of a cluster by proof, where two models are so alike that rough products tell it.

What has been multiplied in few digits is wrong by little, and what has not been multiplied at all is no more
than the product of the norms. If the match of each unit of the anchor is worth more than any other can be,
and no two have the same one, there is no better assignment.
"""

from __future__ import annotations

from itertools import chain
from math import fsum
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from mergec.symmetries.matching.gram import blocks
from mergec.symmetries.matching.limits import COST_ROWS
from mergec.symmetries.matching.rough_products import RoughProducts
from mergec.symmetries.matching.stages import can_be_screened, stages

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from mergec.ir.symmetry import Symmetry
    from mergec.symmetries.matching.cluster import Node, Term
    from mergec.symmetries.matching.gram import Pair, Run
    from mergec.symmetries.matching.solve_cluster import Proposal

LIKELY = 0.99
"""Of the units: if an estimate of what is left says that these are proven, what is left is looked at."""
FEW, ENOUGH = 64, 1024
"""Columns of the factors: the products of fewer tell nothing, and those of fewer than enough may err."""
CHANCE = 0.8
"""More of the units than this are the best of another one only if models are alike: by chance 1 - 1/e are."""
ROUNDING = 2.0**-15
"""Relative to the norms of what is left: of what is added up there in float32."""
LEAST_WORTH = 1e-30
"""Below it float32 may have lost digits."""


class Left(NamedTuple):
    """What was not multiplied: squares of the norms of either model's units, and what matches are worth."""

    anchor: NDArray[np.float32]
    moving: NDArray[np.float32]
    matches: NDArray[np.float32]


def proven_best(pair: Pair, root: Node, terms: Sequence[tuple[Term, float]], run: Run) -> Proposal | None:
    """The permutations of a cluster that are best for some terms, if it can be proven at little cost.

    With each term comes its energy, the product of its norms. What is returned is better than anything else
    by more than float32 can err: exact products would have given it too. Units of families are matched as if
    they could all be exchanged with each other: if the best of that permutes the roots, and the units below
    each of them, it is the best of these permutations as well.
    """
    if not can_be_screened(pair.symmetry, (term for term, _ in terms)):
        return None
    found: Proposal = {}
    for signature in dict.fromkeys(term.signature for term, _ in terms):
        best = _best_units(pair, [one for one in terms if one[0].signature == signature], run)
        rows = None if best is None else permutations_of(pair.symmetry, signature, best)
        if rows is None or not all(np.array_equal(found.get(group, own), own) for group, own in rows.items()):
            return None
        found |= rows
    return found if _is_allowed(root, found) else None


def _is_allowed(root: Node, found: Proposal) -> bool:
    """Whether permutations are those of all groups of a cluster, with what is frozen in its place."""
    return found.keys() == set(root.numbers()) and not any(
        node.is_frozen and np.any(found[node.group] != np.arange(node.size)) for node in root.every()
    )


def _best_units(pair: Pair, weighed: Sequence[tuple[Term, float]], run: Run) -> NDArray[np.int64] | None:
    """The best unit of the moving model for each of the anchor's, if it can be proven and none is twice."""
    terms, energies = [term for term, _ in weighed], [energy for _, energy in weighed]
    total = fsum(energies)
    if not total > 0:
        return None
    rough = RoughProducts(pair, terms, run)
    planned = stages(terms, energies)
    done = 0.0
    for number, stage in enumerate(planned):
        for stretch in stage:
            rough.multiply(stretch)
            done += energies[stretch.term] / total * len(stretch.some) / rough.lines[stretch.term]
        rest = list(chain.from_iterable(planned[number + 1 :]))
        columns = sum(rough.columns)
        if rest and columns < FEW:
            continue
        best = _argmax(rough.products, run)
        share = np.count_nonzero(np.bincount(best)) / len(best)
        if share < 1:
            if rest and columns < ENOUGH and share > CHANCE:
                continue
            break
        if not rest or _is_likely(rough, best, done, run):
            left = Left(*rough.norms_and_matches(rest, best))
            if (_margins(rough, best, left, run) > 0).all():
                return best
        elif columns >= ENOUGH and not _is_likely(rough, best, 1.0, run):
            break  # the rough products err by too much to tell, however many there are
    return None


def permutations_of(
    symmetry: Symmetry, signature: tuple[int, ...], units: NDArray[np.int64]
) -> Proposal | None:
    """The permutations of groups, (members, size), that make one of their units, if there are such."""
    sizes = [symmetry.groups[group].size for group in signature]
    places = np.unravel_index(units.reshape(sizes), sizes)
    found: Proposal = {}
    for group, place in zip(signature, places, strict=True):
        axes = [*symmetry.parents(group), group]
        if not set(axes) <= set(signature):
            return None
        own = place[tuple(slice(None) if other in axes else slice(1) for other in signature)]
        if not np.array_equal(np.broadcast_to(own, place.shape), place):
            return None
        found[group] = own.reshape(-1, own.shape[signature.index(group)]).astype(np.int32)
    return found


def _argmax(products: NDArray[np.float32], run: Run) -> NDArray[np.int64]:
    best = np.empty(len(products), np.int64)

    def look(some: range) -> None:
        best[some.start : some.stop] = products[some.start : some.stop].argmax(axis=1)

    run(look, blocks(0, len(products), COST_ROWS))
    return best


def _is_likely(rough: RoughProducts, best: NDArray[np.int64], done: float, run: Run) -> bool:
    """Whether nearly all would be proven if what is left is like what is done, which is such a share."""
    more = 1 / done - 1
    worth = rough.products[np.arange(len(best)), best]
    left = Left(rough.squares[0] * more, rough.squares[1] * more, worth * more)
    return float(np.mean(_margins(rough, best, left, run) > 0)) >= LIKELY


def _margins(rough: RoughProducts, best: NDArray[np.int64], left: Left, run: Run) -> NDArray[np.float32]:
    """By how much the match of each unit is worth more at least than any other at most."""
    anchor, moving = (np.sqrt(square) for square in rough.squares)
    anchor_left, moving_left = np.sqrt(left.anchor), np.sqrt(left.moving)
    worth = rough.products[np.arange(len(best)), best] + left.matches
    sure = worth - rough.error * anchor * moving[best] - ROUNDING * anchor_left * moving_left[best]
    margins = np.empty(len(best), np.float32)

    def compare(some: range) -> None:
        own = slice(some.start, some.stop)
        highest = np.multiply.outer(anchor[own] * rough.error, moving)
        highest += rough.products[own]
        highest += np.multiply.outer(anchor_left[own] * (1 + ROUNDING), moving_left)
        highest[np.arange(len(highest)), best[own]] = LEAST_WORTH
        margins[own] = sure[own] - highest.max(axis=1)

    run(compare, blocks(0, len(best), COST_ROWS))
    return margins
