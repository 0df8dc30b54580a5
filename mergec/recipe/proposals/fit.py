"""Which families of two checkpoints could be the same by their numbers and shapes."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from mergec.recipe.proposals.likeness import likeness

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterator, Sequence

    from mergec.recipe.proposals.families import Family, Indices, Segments

_MOST_PAIRS = 20_000  # in one bucket; beyond, only those that share the most of their ends are looked at
_MOST_NAMESAKES = 4


class Fit(NamedTuple):
    """A family, what it may be called in the other checkpoint, and what to add to its numbers there.

    `common` counts the segments at the end that the two share.
    """

    source: Family
    target: Family
    shifts: Indices
    common: int

    @property
    def begins(self) -> tuple[Segments, Segments]:
        """What is before the common end, in both."""
        one, other = self.source.segments, self.target.segments
        return one[: len(one) - self.common], other[: len(other) - self.common]

    @property
    def is_whole(self) -> bool:
        """Whether both have the same numbers, and not one only some of the other's."""
        return len(self.source.kinds) == len(self.target.kinds)

    def names(self) -> Iterator[tuple[str, str]]:
        """The tensors that both have."""
        for indices, name in self.source.names.items():
            other = self.target.names.get(shifted(indices, self.shifts))
            if other is not None:
                yield name, other


def shifted(indices: Indices, shifts: Indices) -> Indices:
    """The numbers in the other checkpoint."""
    return tuple(index + shift for index, shift in zip(indices, shifts, strict=True))


def fits(sources: Sequence[Family], targets: Sequence[Family], *, is_strict: bool) -> list[Fit]:
    """All that fit and are not said to mean different things; with `is_strict`, all numbers must agree."""
    buckets: dict[Hashable, tuple[list[Family], list[Family]]] = {}
    for side, those in enumerate((sources, targets)):
        for family in those:
            key = (family.slots, frozenset(family.kinds.values()))
            buckets.setdefault(key, ([], []))[side].append(family)
    found = []
    for left, right in buckets.values():
        for one, other in _worth_looking_at(left, right):
            shifts = _shifts(one, other, is_strict=is_strict)
            if shifts is None:
                continue
            fit = Fit(one, other, shifts, _common_end(one.segments, other.segments))
            if likeness(*fit.begins) >= 0:
                found.append(fit)
    return found


def _worth_looking_at(left: list[Family], right: list[Family]) -> Iterator[tuple[Family, Family]]:
    if len(left) * len(right) <= _MOST_PAIRS:
        yield from ((one, other) for one in left for other in right)
        return
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
