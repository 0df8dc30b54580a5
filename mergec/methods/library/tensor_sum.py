"""Tensor sum."""

from __future__ import annotations

from typing import Annotated, Literal

from mergec.ir.dtype import DType
from mergec.ir.expression import Tensor, concatenated
from mergec.methods.example import Example
from mergec.methods.method import method
from mergec.methods.range import Range

_LONG = 100  # a second axis longer than this is cut instead of the first


@method(
    reference="SuperMerger: tensor, tensor2",
    formula="the rows from β to α + β of B, the others of A",
    gives="as inputs",
    example=Example(
        tensors={"a": [1, 2, 3, 4], "b": [5, 6, 7, 8]},
        keys={"a": "a", "b": "b", "alpha": 0.5, "beta": 0.25},
        result=[1, 6, 7, 4],
    ),
)
def tensor_sum(
    a: Annotated[Tensor, "the model that is kept"],
    b: Annotated[Tensor, "the model that a window is taken of"],
    alpha: Annotated[float, "the width of the window", Range(0, 1)],
    beta: Annotated[float, "where it begins", Range(0, 1)],
    *,
    cut: Annotated[Literal["rows", "columns"], "cut the first axis, or the second where it is long"] = "rows",
) -> Tensor:
    """A window of rows of one model put into another; one that reaches beyond the end goes on at the start.

    Nothing is computed: the bytes are copied, those of a NaN too, unless the two models differ in dtype.
    """
    shape = a.shape
    if not shape:
        return a
    axis = 1 if cut == "columns" and len(shape) > 1 and shape[1] > _LONG else 0
    size, end = shape[axis], alpha + beta
    inner, outer = (b, a) if end <= 1 else (a, b)
    if end <= 1:
        start, stop = int(size * beta), int(size * end)
    else:
        start, stop = int(size * (end - 1)), int(size * beta)
    if a.dtype is not b.dtype:  # one tensor holds both
        wide = DType.F64 if DType.F64 in (a.dtype, b.dtype) else DType.F32
        inner, outer = inner.cast(wide), outer.cast(wide)
    parts = [
        one.part(axis, begin, until)
        for one, begin, until in ((outer, 0, start), (inner, start, stop), (outer, stop, size))
        if begin < until
    ]
    return concatenated(parts, axis) if parts else a
