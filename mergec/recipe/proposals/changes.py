"""Another beginning for names: what it explains, and whether something else explains that as well."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mergec.recipe.proposals.likeness import likeness

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mergec.recipe.proposals.families import Segments
    from mergec.recipe.proposals.fit import Fit
    from mergec.recipe.proposals.known_lists import KnownLists

_CLEARLY = 0.05  # a difference of likeness that decides
_QUITE = 0.5
_NO_COMMON_END = 0.1
_PART = 0.5


@dataclass(slots=True, eq=False)
class _Change:
    """The beginning of some names, what it becomes, and the fits that this explains."""

    begins: tuple[Segments, Segments]
    fits: list[Fit] = field(default_factory=list)
    score: float = 0.0
    likeness: float = 0.0

    def is_credible(self, lists: KnownLists) -> bool:
        """Whether more speaks for it than a shape that other tensors have as well."""
        first = self.fits[0]
        # A parameter that is called otherwise needs a better reason than a word in common.
        least, of_modules = _QUITE, 0.0
        if first.common:
            least, of_modules = 0.0, likeness(first.source.segments[:-1], first.target.segments[:-1])
        if self.likeness > least or of_modules > _QUITE or () in self.begins:
            return True
        modules = {fit.source.segments[:-1] for fit in self.fits}
        return len(modules) > 1 or any(fit.is_telling or lists.hold(fit) for fit in self.fits)

    def rivals(self, other: _Change) -> bool:
        """Whether the other one explains as much and is not clearly less likely."""
        return other.score == self.score and other.likeness > self.likeness - _CLEARLY


def clear_changes(fits: Sequence[Fit], lists: KnownLists) -> list[Fit]:
    """The fits of those changes that have no rival, the ones that explain most first.

    Each family is in one of them at most.
    """
    changes = _changes(fits)
    users: dict[int, list[_Change]] = {}
    for change in changes:
        for family in _families(change):
            users.setdefault(family, []).append(change)
    decided: list[Fit] = []
    taken: set[int] = set()
    for change in changes:
        own = _families(change)
        if taken & own.keys():
            continue
        # Families that several claim equally are taken by none of them, nor by a weaker one now.
        taken |= own.keys()
        rivals = (rival for family in own for rival in users[family] if rival is not change)
        if change.is_credible(lists) and not any(change.rivals(rival) for rival in rivals):
            decided += change.fits
    return decided


def _changes(fits: Sequence[Fit]) -> list[_Change]:
    found: dict[tuple[Segments, Segments], _Change] = {}
    for fit in fits:
        change = found.get(fit.begins)
        if change is None:
            change = found[fit.begins] = _Change(fit.begins, likeness=fit.likeness)
        change.fits.append(fit)
        worth = (fit.common or _NO_COMMON_END) * (1.0 if fit.is_whole else _PART)
        change.score += len(fit.source.kinds) * worth
    return sorted(found.values(), key=lambda change: (-change.score, -change.likeness))


def _families(change: _Change) -> dict[int, None]:
    return {id(family): None for fit in change.fits for family in (fit.source, fit.target)}
