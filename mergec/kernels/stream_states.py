"""What the streams of a reduction came to, put together."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    import torch


def total(states: Sequence[torch.Tensor]) -> torch.Tensor:
    """The sum, taken in the order of the streams."""
    found = states[0].clone()
    for state in states[1:]:
        found.add_(state)
    return found
