"""What a tensor is called inside of its component, whatever the layout."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mergec.components.detect import Grouping


def inner_name(grouping: Grouping, name: str) -> str:
    """A known name inside of its component, in the shared spelling; `role:` in front where there is one.

    The roles of towers are left out: each holds a whole tower, and all are of one kind.
    """
    place = grouping.place_of(name)
    assert grouping.layout is not None
    assert place is not None
    shared = grouping.layout.shared_name(place, place.inner(name))
    if not place.inner(name):
        shared = name.rpartition(".")[2]  # the root is the tensor itself
    return f"{place.role}:{shared}" if place.role and not place.component.endswith("tower") else shared
