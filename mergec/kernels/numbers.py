"""Kernels with a number as the second operand, and numbers computed from numbers."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import torch

from mergec.kernels.elementwise import scale
from mergec.kernels.host_functions import numbers_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mergec.ir.reduction_primitives import HostFunction


def _add(out: torch.Tensor, source: torch.Tensor, number: float) -> None:
    torch.add(source, number, out=out)


def _multiply(out: torch.Tensor, source: torch.Tensor, number: float) -> None:
    scale(out, (source,), number)


def _divide(out: torch.Tensor, source: torch.Tensor, number: float) -> None:
    torch.div(source, number, out=out)


def _minimum(out: torch.Tensor, source: torch.Tensor, number: float) -> None:
    # A limit that is no number spreads, as an operand that is none does; `clamp` would ignore it.
    if math.isnan(number):
        out.fill_(number)
    else:
        torch.clamp(source, max=number, out=out)


def _maximum(out: torch.Tensor, source: torch.Tensor, number: float) -> None:
    if math.isnan(number):
        out.fill_(number)
    else:
        torch.clamp(source, min=number, out=out)


def _comparison(compare: Callable[..., Any]) -> Callable[[torch.Tensor, torch.Tensor, float], None]:
    def kernel(out: torch.Tensor, source: torch.Tensor, number: float) -> None:
        # The number as it is in the dtype of the tensor: a threshold in float64 lies between two values.
        compare(source, torch.tensor(number, dtype=source.dtype), out=out)

    return kernel


_OPERATIONS: dict[str, Callable[[torch.Tensor, torch.Tensor, float], None]] = {
    "add": _add,
    "multiply": _multiply,
    "divide": _divide,
    "minimum": _minimum,
    "maximum": _maximum,
    "at_least": _comparison(torch.ge),
    "above": _comparison(torch.gt),
    "below": _comparison(torch.lt),
    "equals": _comparison(torch.eq),
}


def with_number(out: torch.Tensor, sources: Sequence[torch.Tensor], operation: str, number: float) -> None:
    """A tensor and a number, which is rounded to the dtype of `out`."""
    _OPERATIONS[operation](out, sources[0], number)


def with_scalar(out: torch.Tensor, sources: Sequence[torch.Tensor], operation: str, at: int) -> None:
    """A tensor and one number of a vector."""
    source, vector = sources
    _OPERATIONS[operation](out, source, float(vector.view(-1)[at]))


def scalars(
    out: torch.Tensor,
    sources: Sequence[torch.Tensor],
    function: HostFunction,
    size: int,
    constants: tuple[object, ...],
) -> None:
    """The numbers that a function makes of those of the sources, given to it as numpy arrays.

    Raises:
        MergecError: MC0706 where the function of a plugin fails.
    """
    numbers = numbers_of(function, [source.numpy() for source in sources], size, constants)
    out.copy_(torch.from_numpy(numbers))


KERNELS: dict[str, Callable[..., Any]] = {
    "with_number": with_number,
    "with_scalar": with_scalar,
    "scalars": scalars,
}
