"""Sums of tensors of which one is larger: the smaller one lies in its top-left part."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mergec.ir.expression import Tensor, concatenated

if TYPE_CHECKING:
    from collections.abc import Callable

    from mergec.ir.strided_view import Shape

    Combine = Callable[[Tensor, Tensor], Tensor]


def holds(large: Shape, small: Shape) -> bool:
    """Whether the small shape fits into the large one: as many axes, none longer."""
    return len(large) == len(small) and all(a >= b for a, b in zip(large, small, strict=True))


def added(left: Tensor, right: Tensor) -> Tensor:
    """Left plus right where both have values, elsewhere those of the larger one.

    Shapes of which neither holds the other are added as they are, for `check` to refuse.
    """
    if holds(left.shape, right.shape):
        return _combined(left, right, lambda large, small: large + small)
    # The operands keep their order, so that a sum is the same whichever of them is larger.
    if holds(right.shape, left.shape):
        return _combined(right, left, lambda large, small: small + large)
    return left + right


def subtracted(left: Tensor, right: Tensor) -> Tensor:
    """Left minus right where right has values, elsewhere those of left."""
    if holds(left.shape, right.shape):
        return _combined(left, right, lambda large, small: large - small)
    return left - right


def _combined(large: Tensor, small: Tensor, combine: Combine) -> Tensor:
    """`combine` applied to the part that both have, put together with the rest of the larger one.

    The rest is declared to be of the degree of the whole: what one operand lacks counts as nothing.
    """
    part = large
    rests: list[tuple[int, Tensor]] = []
    for axis, (size, whole) in enumerate(zip(small.shape, large.shape, strict=True)):
        if size < whole:
            rests.append((axis, part.part(axis, size, whole)))
            part = part.part(axis, 0, size)
    result = combine(part, small)
    dtype, degree = result.dtype, result.degree
    for axis, rest in reversed(rests):
        beyond = rest.cast(dtype) if degree is None else rest.cast(dtype).with_degree(degree)
        result = concatenated([result, beyond], axis) if result.shape[axis] else beyond
    return result
