"""Kernels that work on tiles, element by element, in place where a register is reused.

Multiply and add are separate calls on purpose: fused ones round differently on different machines.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import torch

from mergec.kernels.findings import NotFinite, NotIdentical

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence


_HALVES = {torch.float16, torch.bfloat16}
# How many elements are worked on at a time where that takes memory that the plan does not count.
_CHUNK = 1 << 12


def _chunks(tensor: torch.Tensor) -> Iterator[slice]:
    return (slice(start, start + _CHUNK) for start in range(0, len(tensor), _CHUNK))


def cast(out: torch.Tensor, sources: Sequence[torch.Tensor]) -> None:
    """Round to the dtype of `out`: to nearest, ties to even, once."""
    source = sources[0]
    if source.dtype is torch.float64 and out.dtype in _HALVES:
        source, out = source.view(-1), out.view(-1)
        for part in _chunks(source):
            out[part].copy_(_to_odd(source[part]))
    else:
        out.copy_(source)


def _to_odd(source: torch.Tensor) -> torch.Tensor:
    """Float64 as float32, with the last bit set where something was cut off.

    torch rounds float64 to 16 bits by way of float32, that is twice. A value cut off to an odd one is
    never half way between two shorter ones, so that the second rounding comes out as if it were alone.
    """
    single = source.float()
    bits = single.view(torch.int32)
    bits.sub_((single.double().abs() > source.abs()).int())  # one less is the next value towards 0
    bits.bitwise_or_((single.double() != source).int())
    return single


def scale(out: torch.Tensor, sources: Sequence[torch.Tensor], factor: float) -> None:
    """Multiply by a number that is first rounded to the dtype of `out`.

    A factor of 0 gives -0.0 whatever the operand: a term of weight 0 takes no part, even where it
    is infinite or not a number, and -0.0 is the value that changes nothing it is added to.
    """
    if factor == 0.0:
        out.fill_(-0.0)
    else:
        torch.mul(sources[0], factor, out=out)


def add(out: torch.Tensor, sources: Sequence[torch.Tensor]) -> None:
    """Left plus right."""
    torch.add(sources[0], sources[1], out=out)


def subtract(out: torch.Tensor, sources: Sequence[torch.Tensor]) -> None:
    """Left minus right."""
    torch.sub(sources[0], sources[1], out=out)


def multiply(out: torch.Tensor, sources: Sequence[torch.Tensor]) -> None:
    """Left times right; axes of size 1 are repeated."""
    torch.mul(sources[0], sources[1], out=out)


def divide(out: torch.Tensor, sources: Sequence[torch.Tensor]) -> None:
    """Left by right; axes of size 1 are repeated."""
    torch.div(sources[0], sources[1], out=out)


def finite(out: torch.Tensor, sources: Sequence[torch.Tensor], leaf: int) -> None:
    """The source itself.

    Raises:
        NotFinite: it holds a NaN or an infinity.
    """
    (source,) = sources
    # A sum is finite only where all its terms are; it may overflow where they are, so look again.
    if not torch.isfinite(source.sum()) and not bool(torch.isfinite(source).all()):
        raise NotFinite(leaf)
    if out.data_ptr() != source.data_ptr():
        out.copy_(source)


def fill(out: torch.Tensor, sources: Sequence[torch.Tensor], value: float) -> None:  # noqa: ARG001
    """One value everywhere."""
    out.fill_(value)


def identical(out: torch.Tensor, sources: Sequence[torch.Tensor]) -> None:
    """The value that all sources share.

    Raises:
        NotIdentical: where they differ.
    """
    first = sources[0]
    for other in sources[1:]:
        if not torch.equal(first, other):
            raise NotIdentical(_first_difference(first, other))
    if out.data_ptr() != first.data_ptr():
        out.copy_(first)


def _first_difference(first: torch.Tensor, other: torch.Tensor) -> int:
    first, other = first.view(-1), other.view(-1)
    for at in range(0, len(first), _CHUNK):
        differs = first[at : at + _CHUNK] != other[at : at + _CHUNK]
        if bool(differs.any()):
            return at + int(torch.nonzero(differs)[0])
    raise AssertionError("they are equal")


def settle_nans(out: torch.Tensor, sources: Sequence[torch.Tensor]) -> bool:  # noqa: ARG001
    """Give every NaN the same bits, and tell whether all values are finite.

    Which bits arithmetic leaves differs between machines, and between the middle and the end of a
    tile. The sum finds what is not finite at the price of one addition per element.
    """
    total = out.sum().item()
    if math.isfinite(total):
        return True
    if math.isnan(total):
        out = out.view(-1)
        for part in _chunks(out):
            out[part].masked_fill_(torch.isnan(out[part]), torch.nan)
    return bool(torch.isfinite(out).all())  # the sum of finite values may be too large for their dtype


KERNELS: dict[str, Callable[..., Any]] = {
    "cast": cast,
    "scale": scale,
    "add": add,
    "subtract": subtract,
    "multiply": multiply,
    "divide": divide,
    "finite": finite,
    "fill": fill,
    "identical": identical,
    "settle_nans": settle_nans,
}
