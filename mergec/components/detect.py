"""Which layout a set of tensor names has, and which names belong to which component."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from mergec.components.layout import COMPONENTS, Layout, Place, begins, layouts

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping


@dataclass(frozen=True, slots=True)
class Component:
    """The tensors of one component: their names in the order of the checkpoint, and the places they fill."""

    name: str
    names: tuple[str, ...]
    places: tuple[Place, ...]

    @property
    def prefixes(self) -> tuple[str, ...]:
        """What their names begin with, the first place first."""
        return tuple(place.prefix for place in self.places)


@dataclass(frozen=True, slots=True)
class Grouping:
    """A checkpoint by components, in the order of the table; those without tensors are left out.

    `layout` is None where no layout knows any name, and where several know as many and divide them
    differently: then `candidates` are those, and no component is named. `unknown` are the names that
    belong to no component.
    """

    layout: Layout | None
    candidates: tuple[Layout, ...] = ()
    components: Mapping[str, Component] = field(default_factory=dict)
    unknown: tuple[str, ...] = ()

    @property
    def is_ambiguous(self) -> bool:
        """Whether several layouts would divide the names differently."""
        return self.layout is None and len(self.candidates) > 1

    def place_of(self, name: str) -> Place | None:
        """The place of a name; None for an unknown one."""
        return None if self.layout is None else _place(self.layout, name)


class _Fit(NamedTuple):
    """How well a layout fits: more is better, the first figure first."""

    covered: int
    is_named: bool
    places: int


def components_of(names: Collection[str], config: Mapping[str, object] | None = None) -> Grouping:
    """The names by component. `config` is config.json, whose `model_type` decides between equals.

    The layout that knows most names is taken; between equals the one that config.json names, then the
    one with more of its places filled. Of layouts that are equal in all this, and divide the names in the
    same way, the one with the fewest components is named. Nothing is guessed: a name that the layout does
    not know is `unknown`.
    """
    beginnings = _beginnings(names)
    counts = Counter(beginnings)
    found = [(fit, layout) for layout in layouts() if (fit := _fit(layout, counts, config)).covered]
    if not found:
        return Grouping(None, unknown=tuple(names))
    best = max(fit for fit, _ in found)
    equals = (layout for fit, layout in found if fit == best)
    candidates = tuple(sorted(equals, key=lambda layout: len({one.component for one in layout.places})))
    divisions = {tuple(_component(layout, one) for one in counts) for layout in candidates}
    if len(divisions) > 1:
        return Grouping(None, candidates, unknown=tuple(names))
    places = {one: _place(candidates[0], one) for one in counts}
    return _grouped(candidates, {name: places[one] for name, one in zip(names, beginnings, strict=True)})


def _beginnings(names: Iterable[str]) -> list[str]:
    """What decides about each name: its first segments, as many as prefixes have, without numbers.

    Layers by the hundred share one beginning, so each layout looks at a few dozen texts only.
    """
    longest = max(place.prefix.count(".") + 1 for layout in layouts() for place in layout.places)
    found: list[str] = []
    for name in names:
        segments = name.split(".", longest)[:longest]
        # No prefix of the table has a number in it.
        cut = next((i for i, segment in enumerate(segments) if segment.isdigit()), longest)
        found.append(".".join(segments[:cut]))
    return found


def _fit(layout: Layout, counts: Mapping[str, int], config: Mapping[str, object] | None) -> _Fit:
    if layout.needs and not any(begins(one, need) for one in counts for need in layout.needs):
        return _Fit(0, is_named=False, places=0)
    filled: set[Place] = set()
    covered = 0
    for one, count in counts.items():
        place = _place(layout, one)
        if place is not None:
            covered += count
            filled.add(place)
    is_named = config is not None and config.get("model_type") in layout.model_types
    return _Fit(covered, is_named, len(filled))


def _place(layout: Layout, name: str) -> Place | None:
    """The place with the longest prefix of those that hold the name."""
    held = (place for place in layout.places if place.holds(name))
    return max(held, key=lambda place: len(place.prefix), default=None)


def _component(layout: Layout, name: str) -> str | None:
    place = _place(layout, name)
    return place.component if place is not None else None


def _grouped(candidates: tuple[Layout, ...], places: Mapping[str, Place | None]) -> Grouping:
    layout = candidates[0]
    members: dict[str, list[str]] = {}
    filled: dict[str, dict[Place, None]] = {}
    unknown: list[str] = []
    for name, place in places.items():
        if place is None:
            unknown.append(name)
            continue
        members.setdefault(place.component, []).append(name)
        filled.setdefault(place.component, {}).setdefault(place)
    components: dict[str, Component] = {
        component: Component(
            component,
            tuple(members[component]),
            tuple(place for place in layout.places_of(component) if place in filled[component]),
        )
        for component in COMPONENTS
        if component in members
    }
    return Grouping(layout, candidates, components, tuple(unknown))
