"""Position embeddings on another grid."""

from __future__ import annotations

from math import isqrt
from typing import TYPE_CHECKING, NamedTuple

from mergec.ir.expression import concatenated

if TYPE_CHECKING:
    from mergec.ir.expression import Tensor

# The rows that vision transformers put before the patches: none, a class token, and one to distil with.
_USUAL_PREFIXES = (1, 0, 2)


class Grid(NamedTuple):
    """Rows that are a grid of (height, width) after some other rows."""

    height: int
    width: int
    prefix: int


def grid_of(rows: int, size: tuple[int, int] | None, prefix: int | None) -> Grid | None:
    """The grid that so many rows hold; None where nothing fits, or where it cannot be told."""
    if size is not None:
        found = rows - size[0] * size[1]
        return Grid(*size, found) if found >= 0 and prefix in {None, found} else None
    fitting = [
        Grid(side, side, before)
        for before in (_USUAL_PREFIXES if prefix is None else (prefix,))
        if (side := isqrt(max(rows - before, 0))) > 0 and side * side == rows - before
    ]
    return fitting[0] if len(fitting) == 1 else None


def on_grid(value: Tensor, old: Grid, new: tuple[int, int], mode: str, *, smooth: bool) -> Tensor:
    """The embeddings, (n, d) or (1, n, d), with the rows of the grid interpolated and those before kept."""
    if new == (old.height, old.width):
        return value
    *outer, rows, width = value.shape
    flat = value.reshape(rows, width)
    points = flat.part(0, old.prefix, rows).resize_grid((old.height, old.width), new, mode, smooth=smooth)
    parts = [points.cast(value.dtype)]
    if old.prefix:
        parts.insert(0, flat.part(0, 0, old.prefix))
    return concatenated(parts, 0).reshape(*outer, old.prefix + new[0] * new[1], width)
