"""Which tensors of two checkpoints are the same one under different names.

Families are paired whose numbers and shapes agree. What tells several such pairs apart is how much of
the name another beginning explains, over all families that it explains; then the words.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from mergec.recipe.proposals.changes import clear_changes
from mergec.recipe.proposals.families import Reading, families
from mergec.recipe.proposals.fit import Fit, fits
from mergec.recipe.proposals.known_lists import KnownLists

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mergec.recipe.proposals.families import Family, Kind

_MOST_ROUNDS = 20
# Real checkpoints have hundreds. Of more, the first are enough to find what they have in common.
_MOST_FAMILIES = 3_000
# Each counts some of the numbers that the other one counts, and so finds no fewer families.
_COARSER = {
    Reading.FIRST_SEGMENT: Reading.SEGMENTS,
    Reading.FIRST_EMBEDDED: Reading.EMBEDDED,
    Reading.NONE: Reading.SEGMENTS,
}


class Undecided(NamedTuple):
    """Families that may be the same, but several are equally likely, or only one small shape says so."""

    sources: tuple[Family, ...]
    targets: tuple[Family, ...]


@dataclass(slots=True)
class Pairing:
    """What was found: families that fit, and what stayed undecided."""

    fits: list[Fit] = field(default_factory=list)
    undecided: list[Undecided] = field(default_factory=list)


def pair_names(sources: Mapping[str, Kind], targets: Mapping[str, Kind]) -> Pairing:
    """Pairs of families among the names that the two checkpoints do not share."""
    result = Pairing()
    left = {name: kind for name, kind in sources.items() if name not in targets}
    right = {name: kind for name, kind in targets.items() if name not in sources}
    counts = Counter(sources.values()), Counter(targets.values())
    left_over: dict[Reading, int] = {}
    for reading in Reading:
        if not left or not right:
            break
        if left_over.get(_COARSER.get(reading, reading), 0) > _MOST_FAMILIES:
            continue
        one = families(left, reading)
        other = families(right, reading)
        is_strict = reading not in {Reading.SEGMENTS, Reading.FIRST_SEGMENT}
        found, undecided = _decided(fits(one[:_MOST_FAMILIES], other, counts, is_strict=is_strict))
        left_over[reading] = len(one) - len(found)
        result.fits += found
        result.undecided += undecided
        for fit in found:
            for name, partner in fit.names():
                del left[name], right[partner]
        # Another reading would only say the same again, layer by layer.
        for tie in undecided:
            for side, those in zip((left, right), tie, strict=True):
                for name in (name for family in those for name in family.names.values()):
                    side.pop(name, None)
    return result


def _decided(open_fits: list[Fit]) -> tuple[list[Fit], list[Undecided]]:
    """The pairs that are clear. What one round decides may make the next one's clear."""
    found: list[Fit] = []
    lists = KnownLists()
    for _ in range(_MOST_ROUNDS):
        decided = clear_changes(open_fits, lists)
        if not decided:
            break
        found += decided
        lists.learn(decided)
        taken = {id(family) for fit in decided for family in (fit.source, fit.target)}
        open_fits = [f for f in open_fits if id(f.source) not in taken and id(f.target) not in taken]
        open_fits = lists.kept(open_fits)
    return found, _ties(open_fits)


def _ties(open_fits: list[Fit]) -> list[Undecided]:
    """What is left, families that compete with each other together."""
    rivals: dict[int, list[Family]] = {}
    sources: dict[int, Family] = {}
    for fit in open_fits:
        sources[id(fit.source)] = fit.source
        for one, other in ((fit.source, fit.target), (fit.target, fit.source)):
            rivals.setdefault(id(one), []).append(other)
    ties: list[Undecided] = []
    seen: set[int] = set()
    for first in sources.values():
        together: list[Family] = []
        waiting = [first]
        while waiting:
            family = waiting.pop()
            if id(family) not in seen:
                seen.add(id(family))
                together.append(family)
                waiting += rivals[id(family)]
        if together:
            of_source = tuple(family for family in together if id(family) in sources)
            ties.append(Undecided(of_source, tuple(f for f in together if id(f) not in sources)))
    return ties
