"""Kernels that work on tiles, element by element, in place where a register is reused.

Multiply and add are separate calls on purpose: fused ones round differently on different machines.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


class NotIdentical(Exception):  # noqa: N818  # a finding, told to the user by execute/
    """Tensors that must be equal are not. `element` is the first difference within the tile."""

    def __init__(self, element: int) -> None:
        """Remember where."""
        super().__init__()
        self.element = element


def cast(out: torch.Tensor, sources: Sequence[torch.Tensor]) -> None:
    """Round to the dtype of `out`: to nearest, ties to even."""
    out.copy_(sources[0])


def scale(out: torch.Tensor, sources: Sequence[torch.Tensor], factor: float) -> None:
    """Multiply by a number that is first rounded to the dtype of `out`.

    A factor of 0 gives -0.0 whatever the operand: a term of weight 0 takes no part, even where it
    is infinite or not a number, and -0.0 is the value that changes nothing it is added to.
    """
    if factor == 0.0:
        out.fill_(-0.0)
    else:
        torch.mul(sources[0], factor, out=out)


def add(out: torch.Tensor, sources: Sequence[torch.Tensor]) -> None:
    """Left plus right."""
    torch.add(sources[0], sources[1], out=out)


def subtract(out: torch.Tensor, sources: Sequence[torch.Tensor]) -> None:
    """Left minus right."""
    torch.sub(sources[0], sources[1], out=out)


def fill(out: torch.Tensor, sources: Sequence[torch.Tensor], value: float) -> None:  # noqa: ARG001
    """One value everywhere."""
    out.fill_(value)


def identical(out: torch.Tensor, sources: Sequence[torch.Tensor], name: str) -> None:  # noqa: ARG001
    """The value that all sources share.

    Raises:
        NotIdentical: where they differ.
    """
    first = sources[0]
    for other in sources[1:]:
        if not torch.equal(first, other):
            raise NotIdentical(int(torch.nonzero(first != other)[0]))
    if out.data_ptr() != first.data_ptr():
        out.copy_(first)


KERNELS: dict[str, Callable[..., Any]] = {
    "cast": cast,
    "scale": scale,
    "add": add,
    "subtract": subtract,
    "fill": fill,
    "identical": identical,
}
