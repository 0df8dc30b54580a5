"""Kernels with a number as the second operand, and numbers computed from numbers."""

from __future__ import annotations

import math
import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from mergec.diagnostics import MergecError
from mergec.kernels.elementwise import scale
from mergec.kernels.errors import HostFunctionFailed

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

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
    try:
        numbers = _numbers(function, sources, size, constants)
    except Exception as error:
        if not function.source:  # one of mergec's own
            raise
        raise MergecError([_failed(function, error)]) from error
    out.copy_(torch.from_numpy(numbers))


def _numbers(
    function: HostFunction, sources: Sequence[torch.Tensor], size: int, constants: tuple[object, ...]
) -> NDArray[np.float64]:
    with np.errstate(all="ignore"):  # infinities and NaN are values like others
        found = function.function(*(source.numpy() for source in sources), *constants)
    numbers = np.asarray(found, np.float64).reshape(-1)
    if numbers.size != size:
        raise ValueError(f"it gave {numbers.size} numbers, not {size}")
    return numbers


def _failed(function: HostFunction, error: Exception) -> HostFunctionFailed:
    file = getattr(sys.modules.get(function.function.__module__), "__file__", "")
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == file]
    told = str(error).strip().splitlines()
    return HostFunctionFailed(
        function=function.function.__qualname__,
        plugin=Path(file).name,
        problem=f"{type(error).__name__}{f': {told[0]}' if told else ''}",
        notes=(f"in line {lines[-1]} of {Path(file).name}",) if lines else (),
    )


KERNELS: dict[str, Callable[..., Any]] = {
    "with_number": with_number,
    "with_scalar": with_scalar,
    "scalars": scalars,
}
