"""What the compiler knows of a tensor before it is computed."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from mergec.ir.dtype import DType
    from mergec.ir.strided_view import Shape


class TensorType(NamedTuple):
    """Shape, dtype and degree.

    The degree counts how much of a checkpoint a tensor is: weights have 1, differences of weights
    have 0, and sums add up. Integer and boolean tensors have none: they are carried, not computed.
    """

    shape: Shape
    dtype: DType
    degree: float | None

    def __str__(self) -> str:
        sizes = "x".join(map(str, self.shape)) or "scalar"
        degree = "" if self.degree is None else f" deg {self.degree:g}"
        return f"{self.dtype.code}[{sizes}]{degree}"
