"""Many tensor names as few lines: layers that are alike become one range."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from mergec.diagnostics import safe

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence

    T = TypeVar("T")

Skeleton = tuple[str | None, ...]  # the segments of a name, None for each number
Indices = tuple[int, ...]
_LONGEST_INDEX = 9  # digits; longer numbers are names
_MOST_RUNS = 6


@dataclass(frozen=True, slots=True)
class NameGroup:
    """Tensors that are alike: one pattern for people, and the tensors' positions in what was grouped."""

    pattern: str
    members: tuple[int, ...]


def grouped(items: Sequence[T], name: Callable[[T], str], alike: Callable[[T], Hashable]) -> list[NameGroup]:
    """Groups of items whose names differ only in numbers and for which `alike` is equal.

    In order of first appearance. A pattern such as `layers.{0-3}.w` stands for exactly its members.
    """
    families: dict[tuple[Skeleton, Hashable], dict[Indices, int]] = {}
    for position, item in enumerate(items):
        skeleton, indices = taken_apart(name(item))
        families.setdefault((skeleton, alike(item)), {})[indices] = position
    groups = [
        NameGroup(_pattern(skeleton, box), tuple(sorted(members[i] for i in _members(box))))
        for (skeleton, _), members in families.items()
        for box in _boxes(list(members))
    ]
    return sorted(groups, key=lambda group: group.members[0])


def collapsed(names: Iterable[str]) -> list[str]:
    """Patterns that stand for exactly these names."""
    return [group.pattern for group in grouped(list(names), str, lambda _: None)]


def taken_apart(name: str) -> tuple[Skeleton, Indices]:
    """A name's segments without the numbers, and the numbers."""
    skeleton: list[str | None] = []
    indices: list[int] = []
    for segment in name.split("."):
        # A number that is written with leading zeros could not be written again from its value.
        is_index = segment.isascii() and segment.isdigit() and str(int(segment[:_LONGEST_INDEX])) == segment
        skeleton.append(None if is_index else segment)
        if is_index:
            indices.append(int(segment))
    return tuple(skeleton), tuple(indices)


def _boxes(indices: Sequence[Indices]) -> Iterator[tuple[tuple[int, ...], ...]]:
    """Products of sets of numbers that together are exactly `indices`."""
    if not indices[0]:
        yield ()
        return
    rests: dict[int, list[Indices]] = {}
    for first, *rest in indices:
        rests.setdefault(first, []).append(tuple(rest))
    alike: dict[frozenset[Indices], list[int]] = {}
    for first, those in rests.items():
        alike.setdefault(frozenset(those), []).append(first)
    for those_set, firsts in alike.items():
        for box in _boxes(sorted(those_set)):
            yield (tuple(sorted(firsts)), *box)


def _members(box: tuple[tuple[int, ...], ...]) -> list[Indices]:
    members: list[Indices] = [()]
    for choices in box:
        members = [(*member, choice) for member in members for choice in choices]
    return members


def _pattern(skeleton: Skeleton, box: tuple[tuple[int, ...], ...]) -> str:
    ranges = iter(box)
    segments = (number_range(next(ranges)) if segment is None else segment for segment in skeleton)
    return safe(".".join(segments))


def number_range(numbers: tuple[int, ...]) -> str:
    """`3`, `{0-7}` or `{0,2,4-7}`."""
    if len(numbers) == 1:
        return str(numbers[0])
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    texts = [str(low) if low == high else f"{low}-{high}" for low, high in runs]
    if len(texts) > _MOST_RUNS:
        texts[_MOST_RUNS - 2 : -1] = ["..."]
    return f"{{{','.join(texts)}}}"
