"""All kernels, by the names of their primitives."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mergec.kernels import (
    dequantise,
    elementwise,
    filters,
    frequencies,
    gather,
    layout,
    matrix,
    numbers,
    orders,
    rows,
    selection,
    spectral,
    transcendental,
)

if TYPE_CHECKING:
    from collections.abc import Callable

KERNELS: dict[str, Callable[..., Any]] = {
    **elementwise.KERNELS,
    **layout.KERNELS,
    **matrix.KERNELS,
    **dequantise.KERNELS,
    **gather.KERNELS,
    **selection.KERNELS,
    **transcendental.KERNELS,
    **numbers.KERNELS,
    **rows.KERNELS,
    **filters.KERNELS,
    **frequencies.KERNELS,
    **orders.KERNELS,
    **spectral.KERNELS,
}
