"""Tensors of one shape walked through in parts, so that what a kernel takes beside them stays small."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import torch


def together(tensors: Sequence[torch.Tensor], size: int) -> Iterator[tuple[torch.Tensor, ...]]:
    """The same at most `size` elements of each, in row-major order."""
    flat = [tensor.view(-1) for tensor in tensors]
    for start in range(0, len(flat[0]), size):
        yield tuple([tensor[start : start + size] for tensor in flat])
