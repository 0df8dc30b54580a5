"""Kernels that take parts of whole tensors, or put them together: for values that are held."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


def slice_(out: torch.Tensor, sources: Sequence[torch.Tensor], axis: int, start: int, stop: int) -> None:
    """The part with start <= index < stop on an axis."""
    out.copy_(sources[0].narrow(axis, start, stop - start))


def concat(out: torch.Tensor, sources: Sequence[torch.Tensor], axis: int) -> None:
    """The sources one after another along an axis."""
    torch.cat(list(sources), dim=axis, out=out)


def reshape(out: torch.Tensor, sources: Sequence[torch.Tensor], shape: tuple[int, ...]) -> None:
    """The elements in row-major order, in another shape."""
    out.copy_(sources[0].view(shape))


def permute(out: torch.Tensor, sources: Sequence[torch.Tensor], order: tuple[int, ...]) -> None:
    """Axis k of the result is axis order[k] of the source."""
    out.copy_(sources[0].permute(order))


KERNELS: dict[str, Callable[..., Any]] = {
    "slice": slice_,
    "concat": concat,
    "reshape": reshape,
    "permute": permute,
}
