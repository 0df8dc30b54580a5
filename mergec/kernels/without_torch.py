"""The kernels of weighted sums and differences in NumPy, for builds that need no others.

Loading torch takes longer than most such builds. Each kernel leaves the bytes that torch's leaves. NumPy
has no bfloat16: a register of it holds its bits, as 16-bit integers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mergec.ir.dtype import DType
from mergec.kernels.findings import NotIdentical
from mergec.kernels.host_functions import numbers_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

    from mergec.ir.reduction_primitives import HostFunction

    Array = NDArray[Any]

_REGISTERS: dict[DType, type[np.generic]] = {
    DType.BF16: np.uint16,
    DType.F32: np.float32,
    DType.F64: np.float64,
}
_BY_WIDTH: dict[int, type[np.generic]] = {1: np.uint8, 2: np.int16, 4: np.int32, 8: np.int64}

# How many elements are rounded at a time: the memory that takes is not in the plan.
_CHUNK = 1 << 16
_INFINITY = 0x7F80
_NAN = 0x7FC0
_SIGN = 0x8000


def register_dtype(dtype: DType) -> type[np.generic]:
    """The dtype that a tile is computed in; what is only compared or moved is integers of its width."""
    return _REGISTERS.get(dtype) or _BY_WIDTH[dtype.itemsize]


def _parts(array: Array) -> Iterator[Array]:
    return (array[start : start + _CHUNK] for start in range(0, len(array), _CHUNK))


def cast(out: Array, sources: Sequence[Array]) -> None:
    """Round to the dtype of `out`: to nearest, ties to even, once."""
    (source,) = sources
    if source.dtype == np.uint16 and out.dtype == np.float32:
        bits = out.view(np.uint32)
        np.copyto(bits, source)
        np.left_shift(bits, 16, out=bits)
    elif source.dtype == np.float32 and out.dtype == np.uint16:
        for part, rounded in zip(_parts(source), _parts(out), strict=True):
            _round(part, rounded)
    else:
        np.copyto(out, source, casting="same_kind")


def _round(source: Array, out: Array) -> None:
    """Float32 to the bits of bfloat16: half a unit is added to what is cut off, less where that is even."""
    bits = source.view(np.uint32)
    rounded = np.right_shift(bits, 16)
    np.bitwise_and(rounded, 1, out=rounded)
    np.add(rounded, 0x7FFF, out=rounded)
    np.add(rounded, bits, out=rounded)
    np.right_shift(rounded, 16, out=rounded)
    np.copyto(out, rounded, casting="unsafe")  # they are below 2^16
    if np.isnan(np.maximum.reduce(source)):  # the addition may have carried a NaN over into the sign
        out[np.isnan(source)] = _NAN


def scale(out: Array, sources: Sequence[Array], factor: float) -> None:
    """Multiply by a number that is first rounded to the dtype of `out`; a factor of 0 gives -0.0."""
    if factor == 0.0:
        out.fill(-0.0)
    else:
        np.multiply(sources[0], out.dtype.type(factor), out=out)


def add(out: Array, sources: Sequence[Array]) -> None:
    """Left plus right."""
    np.add(sources[0], sources[1], out=out)


def subtract(out: Array, sources: Sequence[Array]) -> None:
    """Left minus right."""
    np.subtract(sources[0], sources[1], out=out)


def multiply(out: Array, sources: Sequence[Array]) -> None:
    """Left times right."""
    np.multiply(sources[0], sources[1], out=out)


def divide(out: Array, sources: Sequence[Array]) -> None:
    """Left by right."""
    np.divide(sources[0], sources[1], out=out)


_WITH_NUMBER = {"add": np.add, "multiply": np.multiply, "divide": np.divide}
"""What `with_scalar` can do here."""


def with_scalar(out: Array, sources: Sequence[Array], operation: str, at: int) -> None:
    """A tensor and one number of a vector, which is rounded to the dtype of `out`."""
    source, vector = sources
    number = float(vector.reshape(-1)[at])
    if operation == "multiply":
        scale(out, (source,), number)
    else:
        _WITH_NUMBER[operation](source, out.dtype.type(number), out=out)


def scalars(
    out: Array, sources: Sequence[Array], function: HostFunction, size: int, constants: tuple[object, ...]
) -> None:
    """The numbers that a function makes of those of the sources.

    Raises:
        MergecError: MC0706 where the function of a plugin fails.
    """
    np.copyto(out, numbers_of(function, sources, size, constants))


def identical(out: Array, sources: Sequence[Array]) -> None:
    """The value that all sources share.

    Raises:
        NotIdentical: where they differ.
    """
    first = sources[0]
    for other in sources[1:]:
        if not np.array_equal(first, other):
            raise NotIdentical(int(np.flatnonzero(first != other)[0]))
    if out is not first:
        np.copyto(out, first)


def settle_nans(out: Array, sources: Sequence[Array]) -> bool:  # noqa: ARG001
    """Give every NaN the same bits, and tell whether all values are finite."""
    largest = np.maximum.reduce  # a NaN is larger than all
    if out.dtype == np.uint16:
        # As integers, values above 0 grow with their bits, and with the sign bit so do those below it.
        if largest(out.view(np.int16)) < _INFINITY and largest(out) < _INFINITY | _SIGN:
            return True
        for part in _parts(out):
            part[part & ~np.uint16(_SIGN) > _INFINITY] = _NAN
    else:
        if np.isfinite(largest(out)) and np.isfinite(np.minimum.reduce(out)):
            return True
        for part in _parts(out):
            part[np.isnan(part)] = np.nan
    return False


KERNELS: dict[str, Callable[..., bool | None]] = {
    "cast": cast,
    "scale": scale,
    "add": add,
    "subtract": subtract,
    "multiply": multiply,
    "divide": divide,
    "with_scalar": with_scalar,
    "scalars": scalars,
    "identical": identical,
    "settle_nans": settle_nans,
}
