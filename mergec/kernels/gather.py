"""Kernels that move values to other indices. Bits are never looked at, whatever the dtype."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from mergec.symmetries.axis_indices import indices

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mergec.ir.axis_index import AxisIndex

_BITS = {1: torch.uint8, 2: torch.int16, 4: torch.int32, 8: torch.int64}


def as_bits(values: torch.Tensor) -> torch.Tensor:
    """The values as integers of their width: torch cannot index every dtype."""
    return values.view(_BITS[values.element_size()])


def axis_index(out: torch.Tensor, sources: Sequence[torch.Tensor], model: int, index: AxisIndex) -> None:
    """The indices of an axis, for one of the models whose vectors are the source's rows."""
    vector = sources[0][model].contiguous().numpy()
    out.copy_(torch.from_numpy(indices(index, vector)))


def gather(out: torch.Tensor, sources: Sequence[torch.Tensor], axis: int) -> None:
    """The values at some indices of an axis."""
    value, index = sources
    torch.index_select(as_bits(value), axis, index, out=as_bits(out))


def gather_rows(out: torch.Tensor, sources: Sequence[torch.Tensor]) -> None:
    """The rows of some numbers."""
    gather(out, sources, 0)


KERNELS: dict[str, Callable[..., Any]] = {
    "axis_index": axis_index,
    "gather": gather,
    "gather_rows": gather_rows,
}
