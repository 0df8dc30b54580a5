"""Numbers that Python functions make of numbers: methods' own, or plugins'."""

from __future__ import annotations

import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mergec.diagnostics import MergecError
from mergec.kernels.errors import HostFunctionFailed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from mergec.ir.reduction_primitives import HostFunction


def numbers_of(
    function: HostFunction, sources: Sequence[NDArray[Any]], size: int, constants: tuple[object, ...]
) -> NDArray[np.float64]:
    """The `size` numbers that a function makes of those of the sources.

    Raises:
        MergecError: MC0706 where the function of a plugin fails.
    """
    try:
        return _numbers(function, sources, size, constants)
    except Exception as error:
        if not function.source:  # one of mergec's own
            raise
        raise MergecError([_failed(function, error)]) from error


def _numbers(
    function: HostFunction, sources: Sequence[NDArray[Any]], size: int, constants: tuple[object, ...]
) -> NDArray[np.float64]:
    with np.errstate(all="ignore"):  # infinities and NaN are values like others
        found = function.function(*sources, *constants)
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
