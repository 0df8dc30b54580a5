"""How many elements a share of a tensor is."""

from __future__ import annotations


def kept_count(density: float, size: int, *, may_be_none: bool = False) -> int:
    """The number of elements to keep: at least one, so that a tensor of one element is never lost.

    `may_be_none`: a share of less than one element is none, as mergekit has it.
    """
    if density <= 0 or not size:
        return 0
    if density >= 1:
        return size
    count = int(density * size)
    return count if may_be_none else max(count, 1)
