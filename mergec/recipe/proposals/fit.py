"""Which families of two checkpoints could be the same by their numbers and shapes."""

from __future__ import annotations

from collections import Counter
from itertools import accumulate, product
from typing import TYPE_CHECKING, NamedTuple

from mergec.recipe.proposals.families import MARK
from mergec.recipe.proposals.likeness import likeness

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterator, Mapping, Sequence

    from mergec.recipe.proposals.families import Family, Indices, Kind, Segments

    Counts = tuple[Mapping[Kind, int], Mapping[Kind, int]]

# Of all buckets together, small ones first; in the others only what shares the most of its end is looked at.
_MOST_PAIRS = 40_000
_MOST_NAMESAKES = 4
_MOST_OTHERS = 1  # tensors of a telling shape; embeddings and head have the same


class Fit(NamedTuple):
    """A family, what it may be called in the other checkpoint, and what to add to its numbers there.

    `common` counts the segments at the end that the two share, `likeness` is that of what is before it.
    `is_telling`: hardly any other tensors of the two checkpoints have these shapes.
    """

    source: Family
    target: Family
    shifts: Indices
    common: int
    likeness: float
    is_telling: bool

    @property
    def begins(self) -> tuple[Segments, Segments]:
        """What is before the common end, in both."""
        one, other = self.source.segments, self.target.segments
        return one[: len(one) - self.common], other[: len(other) - self.common]

    @property
    def is_whole(self) -> bool:
        """Whether both have the same numbers, and not one only some of the other's."""
        return len(self.source.kinds) == len(self.target.kinds)

    @property
    def lists(self) -> tuple[Segments, Segments] | None:
        """The lists of layers that both are in; None outside of such."""
        one, other = (_list_of(family.segments) for family in (self.source, self.target))
        return None if one is None or other is None else (one, other)

    def names(self) -> Iterator[tuple[str, str]]:
        """The tensors that both have."""
        for indices, name in self.source.names.items():
            other = self.target.names.get(shifted(indices, self.shifts))
            if other is not None:
                yield name, other


def shifted(indices: Indices, shifts: Indices) -> Indices:
    """The numbers in the other checkpoint."""
    return tuple(index + shift for index, shift in zip(indices, shifts, strict=True))


def fits(
    sources: Sequence[Family], targets: Sequence[Family], counts: Counts, *, is_strict: bool
) -> list[Fit]:
    """All that fit and are not said to mean different things; with `is_strict`, all numbers must agree.

    `counts` says how many tensors there are of each kind in the two whole checkpoints.
    """
    modules = _Modules(sources), _Modules(targets)
    found = []
    for one, other in _worth_looking_at(sources, targets):
        shifts = _shifts(one, other, is_strict=is_strict)
        if shifts is None or not _fit_as_modules(one, other, modules):
            continue
        common = _common_end(one.segments, other.segments)
        begins = (family.segments[: len(family.segments) - common] for family in (one, other))
        alike = likeness(*begins)
        if alike >= 0:
            is_telling = _is_telling(one, counts[0]) and _is_telling(other, counts[1])
            found.append(Fit(one, other, shifts, common, alike, is_telling))
    return found


def _worth_looking_at(
    sources: Sequence[Family], targets: Sequence[Family]
) -> Iterator[tuple[Family, Family]]:
    """Pairs whose tensors are of the same kinds: all of them, or those that share the most of their ends."""
    buckets: dict[Hashable, tuple[list[Family], list[Family]]] = {}
    for side, those in enumerate((sources, targets)):
        for family in those:
            kinds = (family.slots, frozenset(family.kinds.values()))
            buckets.setdefault(kinds, ([], []))[side].append(family)
    pairs = {key: len(left) * len(right) for key, (left, right) in buckets.items()}
    smallest = sorted(pairs, key=pairs.__getitem__)
    totals = accumulate(pairs[key] for key in smallest)
    in_full = {key for key, total in zip(smallest, totals, strict=True) if total <= _MOST_PAIRS}
    for key, (left, right) in buckets.items():
        yield from product(left, right) if key in in_full else _namesakes(left, right)


class _Modules:
    """Families by module: what all names but their last segments have in common."""

    def __init__(self, those: Sequence[Family]) -> None:
        self._held: dict[Segments, dict[str, Family]] = {}
        for family in those:
            self._held.setdefault(family.segments[:-1], {})[family.segments[-1]] = family

    def around(self, family: Family) -> Mapping[str, Family]:
        """The parameters of the family's module."""
        return self._held[family.segments[:-1]]


def _fit_as_modules(one: Family, other: Family, modules: tuple[_Modules, _Modules]) -> bool:
    """Whether what the two modules both have fits too: a weight does not move without its bias."""
    if one.segments[-1] != other.segments[-1]:
        return True
    left, right = modules[0].around(one), modules[1].around(other)
    return all(
        left[leaf].slots == right[leaf].slots
        and _shifts(left[leaf], right[leaf], is_strict=False) is not None
        for leaf in left
        if leaf in right and left[leaf] is not one
    )


def _is_telling(family: Family, counts: Mapping[Kind, int]) -> bool:
    own = Counter(family.kinds.values())
    return any(counts[kind] - count <= _MOST_OTHERS for kind, count in own.items())


def _list_of(segments: Segments) -> Segments | None:
    at = next((at for at, segment in enumerate(segments) if MARK in segment), None)
    return None if at is None else segments[: at + 1]


def _namesakes(left: Sequence[Family], right: Sequence[Family]) -> Iterator[tuple[Family, Family]]:
    ends: dict[Segments, list[Family]] = {}
    for family in right:
        for begin in range(len(family.segments)):
            namesakes = ends.setdefault(family.segments[begin:], [])
            if len(namesakes) < _MOST_NAMESAKES:
                namesakes.append(family)
    for one in left:
        hits = (ends.get(one.segments[begin:]) for begin in range(len(one.segments)))
        yield from ((one, other) for other in next(filter(None, hits), ()))


def _common_end(one: Segments, other: Segments) -> int:
    count = 0
    for a, b in zip(reversed(one), reversed(other), strict=False):
        if a != b:
            break
        count += 1
    return count


def _shifts(one: Family, other: Family, *, is_strict: bool) -> Indices | None:
    none = (0,) * one.slots
    if one.kinds == other.kinds:
        return none
    if len(one.kinds) == len(other.kinds) > 1:  # of one number alone anything could be said
        firsts = (map(min, zip(*family.kinds, strict=True)) for family in (one, other))
        shifts = tuple(b - a for a, b in zip(*firsts, strict=True))
        moved = {shifted(indices, shifts): kind for indices, kind in one.kinds.items()}
        return shifts if moved == other.kinds else None
    fewer, more = sorted((one.kinds, other.kinds), key=len)
    is_part = len(fewer) > 1 and all(more.get(indices) == kind for indices, kind in fewer.items())
    return none if is_part and not is_strict else None
