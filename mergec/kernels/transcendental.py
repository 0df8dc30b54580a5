"""Kernels that bend elements by functions of the library, in float64, rounded once.

The library computes several elements at a time and what is left over one by one, which gives other bits.
So it is given nothing to leave over: whole vectors, filled up.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import torch

from mergec.ir.elementwise_primitives import WIDENED_AT_ONCE
from mergec.kernels.together import together

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

# A multiple of what any machine computes at a time.
_VECTOR = 64


def _filled(count: int) -> int:
    return -(-count // _VECTOR) * _VECTOR


def _widened(
    out: torch.Tensor, sources: Sequence[torch.Tensor]
) -> Iterator[tuple[torch.Tensor, list[torch.Tensor]]]:
    """Parts of the result, and of the sources in float64: whole vectors, whose ends are filled with 1."""
    size = _filled(min(WIDENED_AT_ONCE, out.numel()))
    buffers = [torch.ones(size, dtype=torch.float64) for _ in sources]
    for result, *parts in together(out, sources, WIDENED_AT_ONCE):
        count = result.numel()
        for buffer, part in zip(buffers, parts, strict=True):
            buffer[:count].view(part.shape).copy_(part)
            buffer[count:].fill_(1.0)
        yield result, [buffer[: _filled(count)] for buffer in buffers]


def _function(
    function: Callable[..., torch.Tensor], out: torch.Tensor, sources: Sequence[torch.Tensor]
) -> None:
    for result, (values,) in _widened(out, sources):
        function(values, out=values)
        result.copy_(values[: result.numel()].view(result.shape))


def power(out: torch.Tensor, sources: Sequence[torch.Tensor], *exponent: float) -> None:
    """The first operand to a power: the second operand's, or one for all."""
    for_all = (torch.full((1,) * out.dim(), one, dtype=torch.float64) for one in exponent)
    for result, (values, exponents) in _widened(out, (*sources, *for_all)):
        torch.pow(values, exponents, out=values)
        result.copy_(values[: result.numel()].view(result.shape))


KERNELS: dict[str, Callable[..., Any]] = {
    "exp": partial(_function, torch.exp),
    "log": partial(_function, torch.log),
    "cos": partial(_function, torch.cos),
    "power": power,
}
