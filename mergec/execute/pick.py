"""Rows loaded by their numbers, of files or of values that are held."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mergec.execute.picked_rows import load_rows
from mergec.kernels.gather import gather_rows

if TYPE_CHECKING:
    from collections.abc import Sequence

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
    load_rows(numbers.tolist(), picked.parts, row_bytes, sources, step.out_bytes)


def part_of_held(view: StridedView, held: Sequence[torch.Tensor]) -> torch.Tensor:
    """The part of a held value that a view, whose `file` is its number, shows."""
    return held[view.file].as_strided(view.shape, view.strides, view.offset // view.dtype.itemsize)
