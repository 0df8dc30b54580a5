"""Which list of layers is which, learned from what is decided: the encoder stays the encoder."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mergec.recipe.proposals.families import Segments
    from mergec.recipe.proposals.fit import Fit


class KnownLists:
    """Pairs of lists of layers; what is decided first holds."""

    def __init__(self) -> None:
        """Nothing is known yet."""
        self._targets: dict[Segments, Segments] = {}
        self._sources: dict[Segments, Segments] = {}

    def learn(self, decided: Sequence[Fit]) -> None:
        """Take in the lists of these."""
        for lists in (fit.lists for fit in decided):
            if lists is not None and lists[0] not in self._targets and lists[1] not in self._sources:
                self._targets[lists[0]] = lists[1]
                self._sources[lists[1]] = lists[0]

    def hold(self, fit: Fit) -> bool:
        """Whether both are in lists that are known to be the same, or have the same name."""
        lists = fit.lists
        return lists is not None and self._targets.get(lists[0], lists[0]) == lists[1]

    def kept(self, fits: Sequence[Fit]) -> list[Fit]:
        """These without the ones that leave their list although another one stays in it."""
        settled = {id(family) for fit in fits if self.hold(fit) for family in (fit.source, fit.target)}
        return [f for f in fits if self.hold(f) or not {id(f.source), id(f.target)} & settled]
