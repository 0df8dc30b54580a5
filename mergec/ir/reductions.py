"""Reductions of symbolic tensors, and numbers computed from them.

Each gives a small float64 vector or matrix. `vector[k]` is a number that tensors can be multiplied by or
compared with. The forms that begin with `joint_` take one group of tensors for each of many names, and
reduce over all of them.
"""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

from mergec.ir.dtype import DType
from mergec.ir.reduction_primitives import (
    COLUMN_PRODUCTS,
    EXTREMES,
    GRAM,
    JOINT,
    KTH_MAGNITUDES,
    ROW_PRODUCTS,
    SCALARS,
    SUMS,
    HostFunction,
    Rank,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mergec.ir.expression import Tensor
    from mergec.ir.primitive import Attributes, Primitive
    from mergec.ir.reduction_primitives import HostCode


def gram(tensors: Sequence[Tensor]) -> Tensor:
    """The dot products of n tensors of one shape with each other: (n, n)."""
    return _node(GRAM, tensors, (len(tensors),))


def sums(tensors: Sequence[Tensor]) -> Tensor:
    """The sum of the elements of each tensor: (n,)."""
    return _node(SUMS, tensors, (len(tensors),))


def extremes(tensors: Sequence[Tensor]) -> Tensor:
    """The least and the greatest element of each tensor: (n, 2). A NaN spreads; +-inf where it is empty."""
    return _node(EXTREMES, tensors, (len(tensors),))


def kth_magnitudes(tensors: Sequence[Tensor], ranks: Sequence[int | Rank]) -> Tensor:
    """For each tensor its magnitude of a rank: (n,). Rank 1 is the largest.

    A `Rank` may be a share of the elements that are not 0; its operand is the tensor's place. A tensor may
    be listed several times, for several ranks. Infinity for a rank below 1, and 0 for one that is larger
    than the number of elements. A NaN counts as the largest of all.
    """
    distinct = list(dict.fromkeys(tensors))
    wanted = tuple(
        Rank(distinct.index(one), rank)
        if isinstance(rank, int)
        else rank._replace(operand=distinct.index(one))
        for one, rank in zip(tensors, ranks, strict=True)
    )
    return _node(KTH_MAGNITUDES, distinct, (len(distinct), wanted))


def row_products(tensors: Sequence[Tensor]) -> Tensor:
    """For each row (index of axis 0) the dot products of n tensors of one shape: (rows, n, n)."""
    return _node(ROW_PRODUCTS, tensors, (len(tensors),))


def column_products(tensors: Sequence[Tensor]) -> Tensor:
    """For each index of all other axes the dot products along axis 0: (columns, n, n)."""
    return _node(COLUMN_PRODUCTS, tensors, (len(tensors),))


def joint_gram(groups: Sequence[Sequence[Tensor]]) -> Tensor:
    """The dot products of n models, of which each group holds one tensor: (n, n)."""
    return _joint(GRAM, groups)


def joint_sums(groups: Sequence[Sequence[Tensor]]) -> Tensor:
    """The sum of the elements of each of n models: (n,)."""
    return _joint(SUMS, groups)


def joint_extremes(groups: Sequence[Sequence[Tensor]]) -> Tensor:
    """The least and the greatest element of each of n models: (n, 2)."""
    return _joint(EXTREMES, groups)


def joint_kth_magnitudes(groups: Sequence[Sequence[Tensor]], ranks: Sequence[Rank]) -> Tensor:
    """Magnitudes by rank over all tensors of a model: one for each rank."""
    return _joint(KTH_MAGNITUDES, groups, (tuple(ranks),))


def scalars(
    function: HostCode,
    *vectors: Tensor,
    size: int,
    constants: tuple[float | str | bool | None, ...] = (),
) -> Tensor:
    """A vector of `size` numbers: function(*vectors, *constants), called when the build runs.

    The function is one on the top level of a module. It is given float64 arrays of numpy, and gives `size`
    numbers. Divisions by zero and the like give infinities and NaN, without a warning.
    """
    first, *others = vectors
    return first._apply(SCALARS, *others, attributes=(HostFunction.of(function), size, constants))  # noqa: SLF001


def _joint(primitive: Primitive, groups: Sequence[Sequence[Tensor]], more: Attributes = ()) -> Tensor:
    width = len(groups[0])
    return _node(JOINT[primitive], list(chain.from_iterable(groups)), (width, *more))


def _node(primitive: Primitive, tensors: Sequence[Tensor], attributes: Attributes) -> Tensor:
    wide = DType.F64 if any(one.dtype is DType.F64 for one in tensors) else DType.F32
    is_known = [one.dtype is wide or not one.dtype.is_float for one in tensors]
    first, *others = (one if known else one.cast(wide) for one, known in zip(tensors, is_known, strict=True))
    return first._apply(primitive, *others, attributes=attributes)  # noqa: SLF001
