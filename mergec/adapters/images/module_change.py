"""What one module of an adapter does to a weight, before it is known how the base stores it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mergec.ir.expression import Tensor

Compute = Callable[["Tensor", "Tensor", int], "Tensor"]


@dataclass(frozen=True, slots=True)
class Addition:
    """Adds `value * scale`. The value has the shape of the module's weight."""

    value: Tensor
    scale: float = 1.0


@dataclass(frozen=True, slots=True)
class Computation:
    """Computes rows of the weight anew, from these rows of it, the whole original weight, and the number
    of the first of the rows.
    """  # noqa: D205

    compute: Compute


Change = Addition | Computation
