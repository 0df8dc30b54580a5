"""The mathematics that the dialects share: they store the same factors under other names and shapes."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

from mergec.adapters.constant import constant

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mergec.ir.expression import Tensor


def tucker(left: Tensor, core: Tensor, right: Tensor) -> Tensor:
    """Left (o, m) times core (m, n, *k) times right (n, i), over m and n: (o, i * k).

    The core goes with the right factor first, so that the left one meets it in rows of the weight.
    """
    m, n, *kernel = core.shape
    taps, i = prod(kernel), right.shape[1]
    rows = core.reshape(m, n, taps).permute(0, 2, 1).reshape(m * taps, n)
    held = (rows @ right).reshape(m, taps, i).permute(0, 2, 1).reshape(m, i * taps)
    return left @ held


def kronecker(left: Tensor, right: Tensor) -> Tensor:
    """The Kronecker product of (a, b) with (c, d, *k): (a * c, b * d, *k)."""
    (a, b), (c, d, *kernel) = left.shape, right.shape
    blocks = left.reshape(a, 1, b, 1) * right.reshape(1, c, 1, d * prod(kernel))
    return blocks.reshape(a * c, b * d, *kernel)


def rescaled(changed: Tensor, lengths: Tensor, norms: Tensor, epsilon: float = 0.0) -> Tensor:
    """DoRA: V * (lengths / (norms + epsilon)), of V's rows or of its columns.

    Args:
        changed: V, the weight with its change (o, i, *k).
        lengths: what the norms are to be, (o, 1, ..) or (1, i, 1, ..).
        norms: those of the base's own weight with the change, in the shape of `lengths`.
        epsilon: keeps LyCORIS from dividing by zero; PEFT and diffusers have none.
    """
    return changed * (lengths / (norms + constant(epsilon, norms) if epsilon else norms))


def column_norms(tensor: Tensor) -> Tensor:
    """The norms (1, i, 1, ..) of the columns of (o, i, *k), each over all rows and the kernel."""
    exchanged = (1, 0, *range(2, len(tensor.shape)))
    return tensor.permute(*exchanged).row_norm().permute(*exchanged)


def inverse_order(order: Sequence[int]) -> tuple[int, ...]:
    """The order that undoes a permutation."""
    return tuple(sorted(range(len(order)), key=order.__getitem__))
