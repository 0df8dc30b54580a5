"""Kernels that compare elements and choose between them, in place where a register is reused.

What the library leaves open is settled here, because it differs between machines and between the middle and
the end of a tile: which zero is the smaller one, and the last bit of a root.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from mergec.ir.elementwise_primitives import SELECTED_AT_ONCE
from mergec.kernels.together import together

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_BITS = {4: torch.int32, 8: torch.int64}


def abs_(out: torch.Tensor, sources: Sequence[torch.Tensor]) -> None:
    """The magnitude."""
    torch.abs(sources[0], out=out)


def sign(out: torch.Tensor, sources: Sequence[torch.Tensor]) -> None:
    """-1, 0 or 1, or a NaN, for which the library gives 0."""
    (source,) = sources
    if not torch.isnan(source.sum()):
        torch.sign(source, out=out)
        return
    for signs, values in together((out, source), SELECTED_AT_ONCE):
        is_nan = torch.isnan(values)
        torch.sign(values, out=signs)
        signs.masked_fill_(is_nan, torch.nan)


def sqrt(out: torch.Tensor, sources: Sequence[torch.Tensor]) -> None:
    """The root, correctly rounded: torch's is one unit in the last place off for one value in six."""
    with np.errstate(invalid="ignore"):
        np.sqrt(sources[0].numpy(), out=out.numpy())


def minimum(out: torch.Tensor, sources: Sequence[torch.Tensor]) -> None:
    """The smaller of two; adding 0 turns -0.0 into +0.0, whichever of them came out."""
    torch.minimum(sources[0], sources[1], out=out).add_(0.0)


def maximum(out: torch.Tensor, sources: Sequence[torch.Tensor]) -> None:
    """The larger of two, as `minimum` does it."""
    torch.maximum(sources[0], sources[1], out=out).add_(0.0)


def _compare(
    comparison: Callable[..., torch.Tensor], out: torch.Tensor, sources: Sequence[torch.Tensor]
) -> None:
    """1.0 where it holds."""
    comparison(sources[0], sources[1], out=out)


def where(out: torch.Tensor, sources: Sequence[torch.Tensor]) -> None:
    """Chosen by bits: the library's own branches for every element, which takes five times as long."""
    _, chosen, other = sources
    if chosen.data_ptr() == other.data_ptr():
        out.copy_(chosen)
        return
    # The differing bits are put into `out` first, and applied to the operand that this leaves as it was.
    is_other_lost = out.data_ptr() == other.data_ptr()
    comparison = torch.eq if is_other_lost else torch.ne
    bits = _BITS[out.element_size()]
    buffer = torch.empty(min(SELECTED_AT_ONCE, out.numel()), dtype=bits)
    for result, mask, first, second in together((out, *sources), SELECTED_AT_ONCE):
        flips = buffer[: len(result)]
        comparison(mask, 0, out=flips.view(out.dtype))
        torch.ne(flips, 0, out=flips).neg_()  # all bits, or none
        differing = torch.bitwise_xor(first.view(bits), second.view(bits), out=result.view(bits))
        kept = first if is_other_lost else second
        differing.bitwise_and_(flips).bitwise_xor_(kept.view(bits))


KERNELS: dict[str, Callable[..., Any]] = {
    "abs": abs_,
    "sign": sign,
    "sqrt": sqrt,
    "minimum": minimum,
    "maximum": maximum,
    "at_least": partial(_compare, torch.ge),
    "above": partial(_compare, torch.gt),
    "below": partial(_compare, torch.lt),
    "equals": partial(_compare, torch.eq),
    "where": where,
}
