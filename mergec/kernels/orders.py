"""Kernels that put elements in the order of others. Bits are never looked at, whatever the dtype."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from mergec.kernels.gather import as_bits
from mergec.kernels.rows import ascending

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


def _order(values: torch.Tensor) -> torch.Tensor:
    wide = values if values.dtype == torch.float64 else values.float()
    return torch.from_numpy(ascending((wide.reshape(1, -1) + 0.0).numpy())[0])


def in_order_of(out: torch.Tensor, sources: Sequence[torch.Tensor]) -> None:
    """The elements at the places of the second source's in ascending order."""
    values, by = sources
    torch.index_select(as_bits(values).view(-1), 0, _order(by), out=as_bits(out).view(-1))


def out_of_order_of(out: torch.Tensor, sources: Sequence[torch.Tensor]) -> None:
    """The elements back at those places."""
    values, by = sources
    as_bits(out).view(-1).index_copy_(0, _order(by), as_bits(values).view(-1))


KERNELS: dict[str, Callable[..., Any]] = {"in_order_of": in_order_of, "out_of_order_of": out_of_order_of}
