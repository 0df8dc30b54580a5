"""What the names of a component become in the layout of another model."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from mergec.components.inner_name import inner_name
from mergec.components.layout import begins, table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mergec.components.detect import Grouping
    from mergec.components.layout import Layout, Place


class Move(NamedTuple):
    """The new name of each tensor of the component, and those for which there is no clear place.

    `rules` say the same as rename rules, for people; names that stay as they are need none.
    """

    names: Mapping[str, str]
    homeless: tuple[str, ...]
    rules: tuple[str, ...]


def moved(component: str, donor: Grouping, into: Grouping) -> Move:
    """The donor's names of a component as the layout of `into` has them.

    Both groupings have a layout, and the donor has the component; `into` need not. Where a layout has
    several places for the same thing, the one that `into` uses is taken, else the first of the table.
    """
    assert donor.layout is not None
    assert into.layout is not None
    shared: dict[str, tuple[Place, str]] = {}
    for name in donor.components[component].names:
        place = donor.place_of(name)
        assert place is not None
        shared[name] = (place, donor.layout.shared_name(place, place.inner(name)))
    may_be_wrapped = has_wrapper([inner for _, inner in shared.values()])
    names: dict[str, str] = {}
    given: set[str] = set()
    rules: dict[str, None] = {}
    for name, (place, inner) in shared.items():
        target = None
        if _is_spelt(place, inner, donor.layout, into.layout):
            target = _target(place, inner, into, may_be_wrapped=may_be_wrapped)
        if target is None:
            continue
        own = into.layout.own_name(target, inner)
        new = target.outer(own)
        if new in given:
            continue
        given.add(new)
        names[name] = new
        if new != name:
            rules[_rule((place, place.inner(name)), (target, own))] = None
    return Move(names, tuple(name for name in shared if name not in names), tuple(rules))


def _rule(old: tuple[Place, str], new: tuple[Place, str]) -> str:
    """The rename rule for a name inside a place that gets another name inside another."""
    sides = []
    for (place, inner), rest in ((old, "{rest:**}"), (new, "{rest}")):
        start = place.outer(inner.partition(".")[0]) if old[1] != new[1] else place.root
        sides.append(".".join(text for text in (start, rest if inner else "") if text))
    return " -> ".join(sides)


def is_built_otherwise(component: str, donor: Grouping, into: Grouping) -> bool:
    """Whether the donor's component shares no name with the one it replaces, though code expects them.

    Language models, and towers where config.json chooses their kind, may be of any kind.
    """
    assert into.layout is not None
    is_free = component in {"language_model", "head"}
    is_free = is_free or (component.endswith("tower") and into.layout.any_tower)
    if is_free or component not in into.components:
        return False
    return _kinds(component, donor).isdisjoint(_kinds(component, into))


def _kinds(component: str, grouping: Grouping) -> set[str]:
    """The shared names of a component's tensors."""
    return {inner_name(grouping, name) for name in grouping.components[component].names}


def has_wrapper(inner_names: Sequence[str]) -> bool:
    """Whether a tower is one of those that some versions of transformers wrap in a module."""
    return all(any(begins(name, start) for name in inner_names) for start in table()["wrapper"]["around"])


def _target(place: Place, inner: str, into: Grouping, *, may_be_wrapped: bool) -> Place | None:
    """Where the layout of `into` has what stands at a place of the donor; None where it has none."""
    assert into.layout is not None
    places = [one for one in into.layout.places_of(place.component) if one.role == place.role]
    for one in places:
        if one.part and begins(inner, one.part):
            return one
    whole = [one for one in places if not one.part]
    if not may_be_wrapped:
        whole = [one for one in whole if not _is_wrapped(one, whole)]
    present = into.components.get(place.component)
    used = [one for one in whole if present is not None and one in present.places]
    return next(iter([*used, *whole]), None)


def _is_wrapped(place: Place, places: Sequence[Place]) -> bool:
    root, _, last = place.root.rpartition(".")
    return last == table()["wrapper"]["segment"] and any(one.root == root for one in places)


def _is_spelt(place: Place, inner: str, donor: Layout, into: Layout) -> bool:
    """Whether both layouts have a word for this part. One that lists its words has no others."""
    if donor is into or place.component != "connector" or place.role:
        return True
    first = inner.partition(".")[0]
    return all(
        not layout.spelling or first in {word for _, word in layout.spelling} for layout in (donor, into)
    )
