"""A list of numbers that runs over the layers of a model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


@dataclass(frozen=True, slots=True)
class Gradient:
    """Anchors at even distances; the first stands at the first layer, the last at the last one."""

    anchors: tuple[float, ...]

    def at(self, step: int, steps: int) -> float:
        """The value `step` layers after the first one, where the last one is `steps` after it."""
        # In whole numbers, so that a layer at an anchor gets exactly the number that was written.
        left, rest = divmod(step * (len(self.anchors) - 1), max(steps, 1))
        if rest == 0:
            return self.anchors[left]
        part = rest / steps
        return (1.0 - part) * self.anchors[left] + part * self.anchors[left + 1]

    def over(self, places: Mapping[str, tuple[str, int]]) -> dict[str, float]:
        """The value of each tensor, from its list of layers and its number in that list.

        Each list runs from its lowest to its highest number. A single layer gets the first anchor.
        """
        ends = _ends(places.values())
        values: dict[tuple[str, int], float] = {}
        for place in set(places.values()):
            first, last = ends[place[0]]
            values[place] = self.at(place[1] - first, last - first)
        return {name: values[place] for name, place in places.items()}


def _ends(places: Iterable[tuple[str, int]]) -> dict[str, tuple[int, int]]:
    ends: dict[str, tuple[int, int]] = {}
    for layers, index in places:
        first, last = ends.get(layers, (index, index))
        ends[layers] = min(first, index), max(last, index)
    return ends
