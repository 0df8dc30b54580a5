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


def _whole_vectors(count: int) -> int:
    return -(-count // _VECTOR) * _VECTOR


def _widened(
    out: torch.Tensor, sources: Sequence[torch.Tensor]
) -> Iterator[tuple[torch.Tensor, list[torch.Tensor]]]:
    """Parts of the result, and of the sources in float64: whole vectors, whose ends are filled with 1."""
    size = _whole_vectors(min(WIDENED_AT_ONCE, out.numel()))
    buffers = [torch.empty(size, dtype=torch.float64) for _ in sources]
    for result, *parts in together((out, *sources), WIDENED_AT_ONCE):
        count = len(result)
        for buffer, part in zip(buffers, parts, strict=True):
            buffer[:count].copy_(part)
            buffer[count:].fill_(1.0)
        yield result, [buffer[: _whole_vectors(count)] for buffer in buffers]


def _function(
    function: Callable[..., torch.Tensor], out: torch.Tensor, sources: Sequence[torch.Tensor]
) -> None:
    for result, (values,) in _widened(out, sources):
        result.copy_(function(values, out=values)[: len(result)])


def power(out: torch.Tensor, sources: Sequence[torch.Tensor], exponent: float | None = None) -> None:
    """The first operand to a power: the second operand's, or one for all."""
    if exponent is None:
        for result, (values, exponents) in _widened(out, sources):
            result.copy_(torch.pow(values, exponents, out=values)[: len(result)])
    else:
        _function(partial(_to_one_power, exponent), out, sources)


def _to_one_power(exponent: float, values: torch.Tensor, out: torch.Tensor) -> torch.Tensor:
    """As a tensor of exponents: for some numbers the library has ways of its own, which round differently."""
    return torch.pow(values, torch.full_like(values, exponent), out=out)


KERNELS: dict[str, Callable[..., Any]] = {
    "exp": partial(_function, torch.exp),
    "log": partial(_function, torch.log),
    "cos": partial(_function, torch.cos),
    "power": power,
}
