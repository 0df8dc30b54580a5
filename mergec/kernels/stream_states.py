"""What the streams of a reduction came to, put together."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    import torch


def total(states: Iterable[torch.Tensor]) -> torch.Tensor:
    """The sum, taken in the order of the streams, and gathered in the state of the first."""
    left = iter(states)
    found = next(left)
    for state in left:
        found.add_(state)
    return found
