"""A guess about a tensor: its axes, why, and whether a person must look at it."""

from __future__ import annotations

from typing import NamedTuple

STREAM = "res"
FIXED = "_"


class Guess(NamedTuple):
    """The axes of a tensor as a table writes them."""

    axes: tuple[str, ...]
    reason: str
    is_sure: bool = True

    @property
    def text(self) -> str:
        """The axes as one text."""
        return " ".join(self.axes)


def fixed(shape: tuple[int, ...], reason: str, *, is_sure: bool = False) -> Guess:
    """A tensor that stays as it is."""
    return Guess((FIXED,) * len(shape), reason, is_sure)
