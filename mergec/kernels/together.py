"""Tensors of one shape walked through in parts, so that what a kernel takes beside them stays small."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import torch

    Parts = tuple[torch.Tensor, ...]


def together(out: torch.Tensor, sources: Sequence[torch.Tensor], size: int) -> Iterator[Parts]:
    """Parts of at most `size` elements: of `out`, and of each source the same, repeated to its shape."""
    if all(source.shape == out.shape for source in sources):
        flat = [tensor.view(-1) for tensor in (out, *sources)]
        for start in range(0, out.numel(), size):
            yield tuple([tensor[start : start + size] for tensor in flat])
    elif out.numel():
        yield from _boxes((out, *(source.expand(out.shape) for source in sources)), size)


def _boxes(tensors: Parts, size: int) -> Iterator[Parts]:
    """Some indices of the first axis at a time, or parts of one index where that is too much."""
    rows, row = len(tensors[0]), tensors[0][0].numel()
    if row <= size:
        step = size // row
        for start in range(0, rows, step):
            yield tuple(tensor[start : start + step] for tensor in tensors)
    else:
        for index in range(rows):
            yield from _boxes(tuple(tensor[index] for tensor in tensors), size)
