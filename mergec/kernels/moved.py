"""The kernels of `gather` in NumPy. Bits are moved and never looked at, whatever the dtype."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mergec.symmetries.axis_indices import indices

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from mergec.ir.axis_index import AxisIndex

    Array = NDArray[Any]


def axis_index(out: Array, sources: Sequence[Array], model: int, index: AxisIndex) -> None:
    """The indices of an axis, for one of the models whose vectors are the source's rows."""
    out[...] = indices(index, sources[0][model])


def gather(out: Array, sources: Sequence[Array], axis: int) -> None:
    """The values at some indices of an axis; all of them are within it."""
    value, index = sources
    value.take(index, axis, out, mode="clip")  # to raise, it would fill a copy of `out`


KERNELS: dict[str, Callable[..., None]] = {"axis_index": axis_index, "gather": gather}
