from __future__ import annotations

import pytest
import torch
from torch import nn

from mergec.symmetries.table import built_in
from tests.symmetries.invariance import assert_unchanged
from tests.symmetries.tables.models import IMAGES, plain


class Vgg(nn.Module):
    """torchvision's names, and its order of layers, at a hundredth of its width."""

    def __init__(self, *, norms: bool, small: bool) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        width = 3
        for out in (8, 0, 7, 9, 0):
            if out == 0:
                layers.append(nn.MaxPool2d(2))
                continue
            layers.append(nn.Conv2d(width, out, 3, padding=1))
            layers += [nn.BatchNorm2d(out), nn.ReLU()] if norms else [nn.ReLU()]
            width = out
        self.features = nn.Sequential(*layers)
        hidden = [
            nn.Linear(9 * 2 * 2, 12),
            nn.ReLU(),
            nn.Dropout(),
            nn.Linear(12, 10),
            nn.ReLU(),
            nn.Linear(10, 5),
        ]
        self.classifier = nn.Linear(9 * 2 * 2, 5) if small else nn.Sequential(*hidden)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out: torch.Tensor = self.classifier(self.features(x).flatten(1))
        return out


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=str)
@pytest.mark.parametrize("small", [False, True])
@pytest.mark.parametrize("norms", [False, True])
def test_the_function_is_unchanged(*, norms: bool, small: bool, dtype: torch.dtype) -> None:
    model = plain(Vgg(norms=norms, small=small), IMAGES, dtype)
    assert_unchanged(built_in("vgg"), model, groups=3 if small else 5)
