"""Numbers of things, which schedules give as numbers of any kind; 0 stands for all of them."""

from __future__ import annotations

import math

from mergec.methods.method import MethodError

_ALL = 1 << 40  # more than any tensor has of anything


def count_or_all(key: str, value: float) -> int:
    """The number of things, or more than there can be.

    Raises:
        MethodError: there is no such number of things.
    """
    if value != math.floor(value):
        raise MethodError(f"`{key}` is {value:g}, and it has to be a whole number")
    return int(value) or _ALL
