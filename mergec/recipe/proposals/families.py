"""Tensor names as families: names that differ only in their numbers, which count layers."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

# A number is written as this mark and a letter. No name of a sound checkpoint holds the mark.
MARK = "\0"
LETTERS = "ijklmn"
_LONGEST_INDEX = 9  # digits; longer numbers are names
_DIGITS = re.compile("[0-9]+")

Segments = tuple[str, ...]
Indices = tuple[int, ...]


class Kind(NamedTuple):
    """What a tensor is besides its name. A dtype may differ between checkpoints, floats from integers not."""

    shape: tuple[int, ...]
    is_float: bool


class Reading(Enum):
    """Which numbers of a name count layers; the others are text."""

    SEGMENTS = "every segment that is a number"
    FIRST_SEGMENT = "the first segment that is a number"
    EMBEDDED = "every number, also one inside a segment, as in layer_3"
    FIRST_EMBEDDED = "the first number, also inside a segment"
    NONE = "no number"


@dataclass(slots=True, eq=False)
class Family:
    """The names that read alike: their segments, with marks for the numbers, and a tensor per numbers."""

    segments: Segments
    slots: int
    kinds: dict[Indices, Kind] = field(default_factory=dict)
    names: dict[Indices, str] = field(default_factory=dict)


def families(tensors: Mapping[str, Kind], reading: Reading) -> list[Family]:
    """The families of these names, in order of first appearance. Names that hold the mark are left out."""
    found: dict[Segments, Family] = {}
    most = {Reading.NONE: 0, Reading.FIRST_SEGMENT: 1, Reading.FIRST_EMBEDDED: 1}.get(reading, len(LETTERS))
    is_embedded = reading in {Reading.EMBEDDED, Reading.FIRST_EMBEDDED}
    for name, kind in tensors.items():
        if MARK in name:
            continue
        segments, indices = _read(name, most, is_embedded=is_embedded)
        family = found.get(segments)
        if family is None:
            family = found[segments] = Family(segments, len(indices))
        family.kinds[indices] = kind
        family.names[indices] = name
    return list(found.values())


def _read(name: str, most: int, *, is_embedded: bool) -> tuple[Segments, Indices]:
    """The segments and the first `most` numbers, those inside of segments only where they are wanted."""
    segments = name.split(".")
    indices: list[int] = []

    def number(found: re.Match[str]) -> str:
        text = found[0]
        # A number with leading zeros could not be written again from its value.
        if len(indices) == most or len(text) > _LONGEST_INDEX or (text[0] == "0" and len(text) > 1):
            return text
        indices.append(int(text))
        return MARK + LETTERS[len(indices) - 1]

    for at, segment in enumerate(segments):
        if segment.isascii() and (segment.isdigit() or (is_embedded and not segment.isalpha())):
            segments[at] = _DIGITS.sub(number, segment)
    return tuple(segments), tuple(indices)
