"""Regions that hold the same values, which are made once for all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mergec.ir.plan import Region

Group = list[tuple[int, "Region"]]


def region_groups(regions: Iterable[Region]) -> list[Group]:
    """The regions with their numbers, those put together that follow each other and hold the same.

    The two factors of an adapter rest on one decomposition, and lie beside each other. Regions further
    apart that hold the same do so each for itself: keeping values for long is what the memory is not for.
    """
    groups: list[Group] = []
    for number, region in enumerate(regions):
        if groups and region.held and region.held == groups[-1][-1][1].held:
            groups[-1].append((number, region))
        else:
            groups.append([(number, region)])
    return groups
