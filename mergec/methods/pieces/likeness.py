"""How alike the columns of two models are, and the shares that follow from it."""

from __future__ import annotations

import math
from math import prod
from typing import TYPE_CHECKING, Any, Literal

from mergec.ir.dtype import DType
from mergec.ir.reduction_primitives import Rank
from mergec.ir.reductions import column_products, joint_kth_magnitudes, scalars

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from mergec.ir.expression import Tensor

Kind = Literal["a", "b"]
_SHIFT = 2.0  # makes magnitudes of likenesses, which are from -1 to 1


def mixed_by_likeness(a: Tensor, b: Tensor, alpha: float, kind: Kind, survey: Tensor | None) -> Tensor:
    """K A + (1-k) B, k being how alike a column is, less alpha, from 0 to 1.

    A column is what one index of all axes but the first holds; a tensor of one axis is one column. `kind`
    says whether likeness within a tensor is that of unit columns (a) or of the columns as they are (b). The
    survey gives the least and the greatest likeness, which are then those from 0 to 1.
    """
    products, shape = _products(a, b), (1, *a.shape[1:]) if a.shape else ()
    vectors = (products,) if survey is None else (products, survey)
    found = scalars(_shares, *vectors, size=prod(shape), constants=(alpha, kind))
    share = found.reshape(*shape)
    dtype = DType.F64 if DType.F64 in {a.dtype, b.dtype} else DType.F32
    rest = scalars(_rests, found, size=prod(shape)).reshape(*shape)
    return a * share.cast(dtype) + b * rest.cast(dtype)


def survey_likeness(calls: Sequence[Mapping[str, Any]], kind: Kind) -> Tensor | None:
    """The 1st and 99th percentile of likeness over all columns of a model; None for `scope: tensor`."""
    if calls[0]["scope"] == "tensor":
        return None
    groups: list[list[Tensor]] = []
    count = 0
    for call in calls:
        products = _products(call["a"], call["b"])
        columns = prod(call["a"].shape[1:])
        count += columns
        groups.append([scalars(_compared, products, size=columns, constants=(kind,)) + _SHIFT])
    first = math.ceil(0.01 * (count - 1))
    last = first + int(0.99 * (count - first - 1))
    return joint_kth_magnitudes(groups, [Rank(0, count - first), Rank(0, count - last)])


def _products(a: Tensor, b: Tensor) -> Tensor:
    pair = [one if len(one.shape) > 1 else one.reshape(prod(one.shape), 1) for one in (a, b)]
    return column_products(pair)


def _compared(products: NDArray[Any], kind: Kind) -> NDArray[Any]:
    """What percentiles are taken of: for `a` likeness of columns alone."""
    cosines, likeness = _likeness(products, kind)
    return cosines if kind == "a" else likeness


def _likeness(products: NDArray[Any], kind: Kind) -> tuple[NDArray[Any], NDArray[Any]]:
    """The cosine of each column, and its mean with that of the whole tensors."""
    import numpy as np

    squares = products[:, 0, 0] * products[:, 1, 1]
    cosines = np.where(squares == 0, 0.0, products[:, 0, 1] / np.sqrt(squares))
    if kind == "a":  # of tensors whose columns are of length 1, or 0
        dot, sizes = cosines.sum(), [np.where(products[:, i, i] == 0, 0.0, 1.0).sum() for i in (0, 1)]
    else:
        dot, sizes = products[:, 0, 1].sum(), [products[:, i, i].sum() for i in (0, 1)]
    size = math.sqrt(sizes[0]) * math.sqrt(sizes[1]) if min(sizes) >= 0 else math.nan
    whole = 0.0 if size == 0 else float(np.clip(dot / size, -1.0, 1.0))
    return cosines, (cosines + whole) / 2


def _shares(products: NDArray[Any], *rest: Any) -> NDArray[Any]:  # noqa: ANN401  # an array and constants
    import numpy as np

    *limits, alpha, kind = rest
    likeness = _likeness(products, kind)[1]
    if limits:
        least, greatest = limits[0] - _SHIFT
        spread = greatest - least
        likeness = np.ones(len(likeness)) if spread == 0 else (likeness - least) / spread
    shares: NDArray[Any] = np.clip(likeness - alpha, 0.0, 1.0)
    return shares


def _rests(shares: NDArray[Any]) -> NDArray[Any]:
    rests: NDArray[Any] = 1 - shares
    return rests
