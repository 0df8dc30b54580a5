"""Which elements of deltas are changes worth the name."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mergec.ir.expression import Tensor


def active_masks(deltas: Sequence[Tensor], epsilon: float) -> tuple[list[Tensor], list[Tensor]]:
    """1 where a delta is larger than epsilon, else 0; and the deltas with 0 where it is not.

    A NaN is active.
    """
    small = [(-abs(one)).at_least(-epsilon) for one in deltas]
    active = [-one + 1.0 for one in small]
    return active, [delta * one for delta, one in zip(deltas, active, strict=True)]
