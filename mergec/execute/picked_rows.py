"""Rows read by their numbers, from one file or several."""

from __future__ import annotations

from bisect import bisect_right
from itertools import accumulate
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mergec.ir.strided_view import StridedView
    from mergec.sources.byte_source import ByteSource


def load_rows(
    numbers: list[int],
    parts: Sequence[StridedView],
    row_bytes: int,
    sources: Sequence[ByteSource],
    register: memoryview,
) -> None:
    """Load rows that are numbered through `parts`, contiguous regions of files, into a register."""
    ends = list(accumulate(part.shape[0] for part in parts))
    position = 0
    for row, count in _runs(numbers, set(ends)):
        at = bisect_right(ends, row)
        part = parts[at]
        offset = part.offset + (row - ends[at] + part.shape[0]) * row_bytes
        sources[part.file].read_at(offset, register[position : position + count * row_bytes])
        position += count * row_bytes


def _runs(numbers: list[int], ends: set[int]) -> Iterator[tuple[int, int]]:
    """(first, count) of rows that lie one after another, none across the end of a part."""
    start = 0
    for at in range(1, len(numbers) + 1):
        if at == len(numbers) or numbers[at] != numbers[at - 1] + 1 or numbers[at] in ends:
            yield numbers[start], at - start
            start = at
