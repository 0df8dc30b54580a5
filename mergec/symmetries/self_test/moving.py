"""Random elements that do move something."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

import numpy as np

from mergec.symmetries.element import identity, random_element

if TYPE_CHECKING:
    from collections.abc import Collection

    from numpy.typing import NDArray

    from mergec.ir.symmetry import Symmetry

_TRIES = 64


def families(symmetry: Symmetry) -> dict[str, list[int]]:
    """The groups that can move, by their names without the layer's."""
    found: dict[str, list[int]] = {}
    for number, group in enumerate(symmetry.groups):
        if not group.is_frozen and group.size > 1:
            found.setdefault(group.name.rpartition("/")[2], []).append(number)
    return found


def moving_element(
    symmetry: Symmetry, salt: str, seed: int, groups: Collection[int] | None = None
) -> NDArray[np.int32]:
    """An element that is not the identity, where there is one: small groups often draw that."""
    still = identity(symmetry)
    element = still
    for attempt in range(_TRIES):
        element = random_element(symmetry, zlib.crc32(f"{seed} {salt} {attempt}".encode()), groups)
        if not np.array_equal(element, still):
            break
    return element
