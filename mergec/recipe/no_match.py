"""The message for a pattern that matches nothing: where it parts from the names that exist."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mergec.diagnostics import nearest, safe
from mergec.recipe.name_errors import PatternMatchesNothing
from mergec.recipe.pattern_syntax import LONGEST_INDEX, IndexRange, Text

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

    from mergec.recipe.pattern import Pattern
    from mergec.recipe.pattern_syntax import Segment

_SHOWN = 5
# A search among the names of a large model takes as long as fifty milliseconds.
_MOST_ADVISED = 20


def matches_nothing(pattern: Pattern, names: Collection[str]) -> PatternMatchesNothing:
    """MC0125 for this pattern, with what the names hold where it goes wrong."""
    help_, notes = advice(pattern, names)
    return PatternMatchesNothing(
        span=pattern.span, pattern=pattern.text, count=len(names), help=help_, notes=notes
    )


def each_matches_nothing(
    missing: Iterable[tuple[Pattern, Collection[str]]],
) -> Iterator[PatternMatchesNothing]:
    """MC0125 for each pattern and the names that it was tried on, the first of them with advice."""
    for number, (pattern, names) in enumerate(missing):
        if number < _MOST_ADVISED:
            yield matches_nothing(pattern, names)
        else:
            yield PatternMatchesNothing(span=pattern.span, pattern=pattern.text, count=len(names))


def advice(pattern: Pattern, names: Collection[str]) -> tuple[str | None, tuple[str, ...]]:
    """A help line and notes for a pattern that matches none of these names."""
    near = nearest(pattern.text, names)
    notes = (f"the nearest names are {_listed(near)}",) if near else ()
    return _first_wrong_segment(pattern, names), notes


def _listed(names: Collection[str]) -> str:
    return ", ".join(f"`{safe(name)}`" for name in names)


def _first_wrong_segment(pattern: Pattern, names: Collection[str]) -> str | None:
    """The help for the first plain segment that no name has at its place."""
    remaining = [name.split(".") for name in names]
    passed: list[str] = []
    for depth, segment in enumerate(pattern.segments):
        if len(segment) != 1 or not isinstance(segment[0], Text):
            rest = pattern.segments[depth:]
            return _unknown_segment(rest, remaining) or _indices(rest, remaining, depth)
        wanted = segment[0].text
        present = dict.fromkeys(parts[depth] for parts in remaining if len(parts) > depth)
        if wanted not in present:
            begin = ".".join(passed)
            where = f"after `{begin}`, names go on with" if begin else "names begin with"
            shown = list(present)[:_SHOWN]
            more = ", ..." if len(present) > _SHOWN else ""
            listing = f"{where} {_listed(shown)}{more}" if present else f"no name goes on after `{begin}`"
            return _instead(wanted, present) or listing
        remaining = [parts for parts in remaining if len(parts) > depth and parts[depth] == wanted]
        passed.append(wanted)
    return None


def _unknown_segment(segments: Sequence[Segment], names: Collection[list[str]]) -> str | None:
    """The help for a plain segment, somewhere after a wildcard, that no name has anywhere."""
    present = {part for parts in names for part in parts if not part.isdigit()}
    for segment in segments:
        if len(segment) == 1 and isinstance(segment[0], Text) and segment[0].text not in present:
            if segment[0].text.isdigit():
                return None
            return _instead(segment[0].text, present) or f"no name holds `{safe(segment[0].text)}`"
    return None


def _instead(wanted: str, present: Collection[str]) -> str | None:
    near = nearest(wanted, present, count=1)
    return f"did you mean `{safe(near[0])}` instead of `{safe(wanted)}`?" if near else None


def _indices(segments: Sequence[Segment], names: Collection[list[str]], depth: int) -> str | None:
    """The help for a range of layers that are not there."""
    if len(segments[0]) != 1 or not isinstance(segments[0][0], IndexRange):
        return None
    numbers = [int(parts[depth]) for parts in names if len(parts) > depth and _is_index(parts[depth])]
    return f"the layers there are {min(numbers)} to {max(numbers)}" if numbers else None


def _is_index(part: str) -> bool:
    return part.isascii() and part.isdigit() and len(part) <= LONGEST_INDEX
