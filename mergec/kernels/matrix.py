"""Kernels that work on rows and matrices. Sums are taken in float64 and rounded once.

Rows come in blocks of a fixed size, counted from the first row of a tile, and tiles begin at
multiples of it: however a tensor is cut into tiles, every block is the same, and so is every bit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from mergec.ir.matrix_primitives import COLUMN_BLOCK
from mergec.ir.primitive import ROW_BLOCK, summed_together

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence


def _blocks(tensor: torch.Tensor, size: int = ROW_BLOCK) -> Iterator[slice]:
    return (slice(start, start + size) for start in range(0, tensor.shape[0], size))


def wide_blocks(rows: torch.Tensor, size: int = ROW_BLOCK) -> Iterator[tuple[slice, torch.Tensor]]:
    """Each block of so many rows in float64, in a buffer that the next one reuses.

    Memory that is taken and given back for every block would pile up in the allocator.
    """
    buffer = torch.empty((min(size, rows.shape[0]), *rows.shape[1:]), dtype=torch.float64)
    for part in _blocks(rows, size):
        block = rows[part]
        yield part, buffer[: block.shape[0]].copy_(block)


def matmul(out: torch.Tensor, sources: Sequence[torch.Tensor]) -> None:
    """Rows (n, g*k) by g matrices side by side (g, k, c), or by one (k, c)."""
    rows, held = sources
    matrices = held.double()
    if matrices.dim() == 3:
        _side_by_side(out, rows, matrices)
        return
    buffer = torch.empty(ROW_BLOCK * COLUMN_BLOCK, dtype=torch.float64)
    for part, block in wide_blocks(rows):
        for start in range(0, out.shape[1], COLUMN_BLOCK):
            columns = slice(start, min(start + COLUMN_BLOCK, out.shape[1]))
            count = columns.stop - start
            product = buffer[: block.shape[0] * count].view(-1, count)
            torch.mm(block, matrices[:, columns], out=product)
            out[part, columns].copy_(product)


def _side_by_side(out: torch.Tensor, rows: torch.Tensor, matrices: torch.Tensor) -> None:
    groups, inner, outer = matrices.shape
    size = min(ROW_BLOCK, rows.shape[0])
    left = torch.empty(groups * size * inner, dtype=torch.float64)
    right = torch.empty(groups * size * outer, dtype=torch.float64)
    for part in _blocks(rows):
        count = rows[part].shape[0]
        block = left[: groups * count * inner].view(groups, count, inner)
        block.copy_(rows[part].view(count, groups, inner).transpose(0, 1))
        product = right[: groups * count * outer].view(groups, count, outer)
        torch.bmm(block, matrices, out=product)
        out[part].view(count, groups, outer).copy_(product.transpose(0, 1))


def row_norm(out: torch.Tensor, sources: Sequence[torch.Tensor]) -> None:
    """The Euclidean norm of each row."""
    rows = sources[0].flatten(1)
    for part, block in wide_blocks(rows, summed_together(rows.shape[1])):
        out[part].copy_(block.square_().sum(dim=1).sqrt_().view(out[part].shape))


def resize_grid(
    out: torch.Tensor,
    sources: Sequence[torch.Tensor],
    old: tuple[int, int],
    new: tuple[int, int],
    mode: str,
    smooth: bool,  # noqa: FBT001  # attributes are handed on by position
) -> None:
    """Rows (h*w, d) that are the points of a grid, interpolated at the points of another.

    As vision transformers resize their position embeddings: torch's `interpolate` with pixels as
    squares (`align_corners=False`).
    """
    rows = sources[0].to(out.dtype)
    grid = rows.view(*old, -1).permute(2, 0, 1)[None]
    corners = None if mode == "nearest" else False
    made = torch.nn.functional.interpolate(grid, new, mode=mode, align_corners=corners, antialias=smooth)
    out.copy_(made[0].permute(1, 2, 0).reshape(out.shape))


def gather_columns(out: torch.Tensor, sources: Sequence[torch.Tensor], columns: tuple[int, ...]) -> None:
    """Columns of a matrix, in the order given."""
    torch.index_select(sources[0], 1, torch.tensor(columns), out=out)


def skew(out: torch.Tensor, sources: Sequence[torch.Tensor], size: int) -> None:
    """Rows of entries above the diagonal, row by row, as skew-symmetric matrices."""
    upper = torch.triu_indices(size, size, 1)
    out.zero_()
    out[:, upper[0], upper[1]] = sources[0].to(out.dtype)
    out.sub_(out.transpose(1, 2).clone())


def cayley(out: torch.Tensor, sources: Sequence[torch.Tensor], terms: int) -> None:
    """Skew-symmetric matrices Q as rotations (I + Q)(I - Q)^-1.

    With `terms` > 0 the series I + 2Q + 2Q^2 + ... + Q^(terms-1) of so many terms, whose last has the
    factor 1: the approximation that PEFT trains OFT adapters with.
    """
    generator = sources[0].double()
    identity = torch.eye(generator.shape[-1], dtype=torch.float64).expand_as(generator)
    if terms == 0:
        # (I + Q) and (I - Q)^-1 commute, so that solving from the left gives the same.
        out.copy_(torch.linalg.solve(identity - generator, identity + generator))
        return
    out.copy_(identity)
    power = identity
    for exponent in range(1, terms):
        power = torch.bmm(power, generator)
        out.add_(power, alpha=1.0 if exponent == terms - 1 else 2.0)


KERNELS: dict[str, Callable[..., Any]] = {
    "matmul": matmul,
    "row_norm": row_norm,
    "gather_columns": gather_columns,
    "skew": skew,
    "cayley": cayley,
    "resize_grid": resize_grid,
}
