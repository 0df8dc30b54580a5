"""Rows loaded by their numbers, of files or of values that are held."""

from __future__ import annotations

from bisect import bisect_right
from itertools import accumulate
from typing import TYPE_CHECKING

from mergec.kernels.gather import gather_rows

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import torch

    from mergec.execute.arena import Step
    from mergec.ir.program import LoadedLeaf, Picked
    from mergec.ir.strided_view import StridedView
    from mergec.sources.byte_source import ByteSource


def pick(
    leaf: LoadedLeaf,
    picked: Picked,
    box: StridedView,
    sources: Sequence[ByteSource],
    held: Sequence[torch.Tensor],
    step: Step,
) -> None:
    """Load the rows that the rows of `box` stand for: its offset counts from the first of them all."""
    row_bytes = box.strides[0] * box.dtype.itemsize
    if not box.elements:
        return
    first = box.offset // row_bytes
    numbers = held[picked.numbers][first : first + box.shape[0]]
    if leaf.is_held:
        value = part_of_held(picked.parts[0], held)
        gather_rows(step.out.view(box.shape), (value, numbers))
        return
    ends = list(accumulate(part.shape[0] for part in picked.parts))
    position = 0
    for row, count in _runs(numbers.tolist(), set(ends)):
        at = bisect_right(ends, row)
        part = picked.parts[at]
        offset = part.offset + (row - ends[at] + part.shape[0]) * row_bytes
        sources[part.file].read_at(offset, step.out_bytes[position : position + count * row_bytes])
        position += count * row_bytes


def _runs(numbers: list[int], ends: set[int]) -> Iterator[tuple[int, int]]:
    """(first, count) of rows that lie one after another, none across the end of a part."""
    start = 0
    for at in range(1, len(numbers) + 1):
        if at == len(numbers) or numbers[at] != numbers[at - 1] + 1 or numbers[at] in ends:
            yield numbers[start], at - start
            start = at


def part_of_held(view: StridedView, held: Sequence[torch.Tensor]) -> torch.Tensor:
    """The part of a held value that a view, whose `file` is its number, shows."""
    return held[view.file].as_strided(view.shape, view.strides, view.offset // view.dtype.itemsize)
