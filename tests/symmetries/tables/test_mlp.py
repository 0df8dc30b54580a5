from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch
from torch import nn

from mergec.symmetries.table import built_in
from tests.symmetries.invariance import assert_unchanged
from tests.symmetries.tables.models import IMAGES, plain

if TYPE_CHECKING:
    from collections.abc import Callable

POINTS = torch.randn(9, 6, generator=torch.Generator().manual_seed(8), dtype=torch.float64)


class Nested(nn.Module):
    """Two Sequentials: what passes from one to the other stays as it is."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(6, 12), nn.ReLU(), nn.Linear(12, 5))
        self.decoder = nn.Sequential(nn.Linear(5, 11), nn.Tanh(), nn.Linear(11, 3))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out: torch.Tensor = self.decoder(self.encoder(x))
        return out


CASES: dict[str, tuple[Callable[[], nn.Module], torch.Tensor, int]] = {
    "linear": (
        lambda: nn.Sequential(nn.Linear(6, 12), nn.ReLU(), nn.Linear(12, 10), nn.ReLU(), nn.Linear(10, 4)),
        POINTS,
        2,
    ),
    "no bias": (
        lambda: nn.Sequential(nn.Linear(6, 12, bias=False), nn.ReLU(), nn.Linear(12, 4, bias=False)),
        POINTS,
        1,
    ),
    "norms": (
        lambda: nn.Sequential(
            nn.Linear(6, 12),
            nn.BatchNorm1d(12),
            nn.ReLU(),
            nn.Linear(12, 10),
            nn.LayerNorm(10),
            nn.Linear(10, 4),
        ),
        POINTS,
        2,
    ),
    "two chains": (Nested, POINTS, 2),
    "convolutions": (
        lambda: nn.Sequential(
            nn.Conv2d(3, 8, 3),
            nn.BatchNorm2d(8),
            nn.ReLU(),
            nn.Conv2d(8, 7, 3),
            nn.Flatten(),
            nn.Linear(112, 5),
        ),
        IMAGES,
        2,
    ),
}


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=str)
@pytest.mark.parametrize("case", CASES)
def test_the_function_is_unchanged(case: str, dtype: torch.dtype) -> None:
    make, inputs, count = CASES[case]
    assert_unchanged(built_in("mlp"), plain(make(), inputs, dtype), groups=count)
