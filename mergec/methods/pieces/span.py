"""Linear combinations of tensors whose coefficients are found when the build runs."""

from __future__ import annotations

from functools import reduce
from operator import add
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mergec.ir.expression import Tensor


def added(terms: Sequence[Tensor]) -> Tensor:
    """The sum of the terms in their order."""
    return reduce(add, terms)


def combination(tensors: Sequence[Tensor], coefficients: Tensor) -> Tensor:
    """c_1 x_1 + c_2 x_2 + ... with coefficients (n,); a term whose coefficient is 0 takes no part."""
    return added([tensor * coefficients[at] for at, tensor in enumerate(tensors)])
