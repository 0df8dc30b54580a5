"""The order in which people list numbered names."""

from __future__ import annotations

import re

_DIGITS = re.compile(r"(?<![0-9])([0-9]{1,18})(?![0-9])")


def natural_key(name: str) -> tuple[tuple[tuple[int, int, str], ...], str]:
    """Sorts layer 2 before layer 10, and layer 01 before layer 1: no two names are equal."""
    parts = ((0, int(part), "") if part.isdecimal() else (1, 0, part) for part in _DIGITS.split(name))
    return tuple(parts), name
