"""Kernels that look at each row by itself."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from mergec.ir.primitive import summed_together
from mergec.ir.row_primitives import RANKED_AT_ONCE
from mergec.kernels.matrix import wide_blocks

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.floating[Any]]

_POSITION_BITS = np.uint64(32)
_POSITION = np.uint64((1 << 32) - 1)
_SIGN = np.int32(-(1 << 31))


def row_sum(out: torch.Tensor, sources: Sequence[torch.Tensor]) -> None:
    """The sum of each row."""
    rows = sources[0].flatten(1)
    for part, block in wide_blocks(rows, summed_together(rows.shape[1])):
        out[part].copy_(block.sum(dim=1).view(out[part].shape))


def _extreme(
    find: Callable[..., torch.Tensor], of_none: float, out: torch.Tensor, sources: Sequence[torch.Tensor]
) -> None:
    rows = sources[0].flatten(1)
    if rows.shape[1]:
        out.copy_(find(rows, dim=1).view(out.shape)).add_(0.0)  # which turns -0.0 into +0.0
    else:
        out.fill_(of_none)


def row_rank(out: torch.Tensor, sources: Sequence[torch.Tensor]) -> None:
    """The place of each value in the ascending order of its row."""
    rows, ranks = sources[0].flatten(1), out.flatten(1)
    count, width = rows.shape
    places = torch.arange(width, dtype=out.dtype).expand(ranks.shape)
    step = max(RANKED_AT_ONCE // max(width, 1), 1)
    for start in range(0, count, step):
        values = rows[start : start + step].to(out.dtype) + 0.0  # -0.0 and 0.0 are equal
        order = ascending(values.numpy())
        ranks[start : start + step].scatter_(1, torch.from_numpy(order), places[: len(order)])


def ascending(values: Floats) -> NDArray[np.int64]:
    """The positions in each row by ascending value; equal ones in their order, NaNs last. May overwrite it.

    No value is -0.0.

    Whole numbers that order as float32 values do, with the position behind, leave no ties to keep in
    order: sorting them takes a twentieth of the time.
    """
    if values.dtype == np.float64:
        return np.argsort(values, axis=1, kind="stable")
    values[np.isnan(values)] = np.nan
    bits = values.view(np.int32)
    bits ^= (bits >> np.int32(31)) | _SIGN
    keys = bits.view(np.uint32).astype(np.uint64)
    keys <<= _POSITION_BITS
    keys |= np.arange(values.shape[1], dtype=np.uint64)
    keys.sort(axis=1)
    keys &= _POSITION
    return keys.view(np.int64)


KERNELS: dict[str, Callable[..., Any]] = {
    "row_sum": row_sum,
    "row_max": partial(_extreme, torch.amax, -torch.inf),
    "row_min": partial(_extreme, torch.amin, torch.inf),
    "row_rank": row_rank,
}
