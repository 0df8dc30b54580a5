"""The network of the quickstart, and the digits it reads."""

from typing import Final, cast

import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn
from torch.nn.functional import gelu

WIDTH: Final = 64
BLOCKS: Final = 4
CLASSES: Final = 10


class Block(nn.Module):
    """One residual block: a norm, a linear layer, and the input added back."""

    def __init__(self) -> None:
        """Make a block of the network's width."""
        super().__init__()
        self.norm = nn.RMSNorm(WIDTH)
        self.fc = nn.Linear(WIDTH, WIDTH)

    def forward(self, x: Tensor) -> Tensor:
        """Map activations to activations of the same shape."""
        return x + gelu(self.fc(self.norm(x)))


class DigitNet(nn.Module):
    """Embedding, numbered blocks, norm and head: the outline of a language model, at 21 thousand weights."""

    def __init__(self) -> None:
        """Make an untrained network from torch's global random state."""
        super().__init__()
        self.embed = nn.Linear(64, WIDTH)
        self.blocks = nn.ModuleList(Block() for _ in range(BLOCKS))
        self.norm = nn.RMSNorm(WIDTH)
        self.head = nn.Linear(WIDTH, CLASSES)

    def forward(self, pixels: Tensor) -> Tensor:
        """Map images of 64 pixels to one score for each of the ten digits."""
        x = self.embed(pixels)
        for block in self.blocks:
            x = block(x)
        return cast("Tensor", self.head(self.norm(x)))


def digits(*, held_out: bool) -> tuple[Tensor, Tensor]:
    """Images and labels of one side of a fixed split: two thirds to train on, one third held out."""
    images, labels = load_digits(return_X_y=True)
    order = torch.randperm(len(labels), generator=torch.Generator().manual_seed(0))
    cut = len(labels) // 3
    chosen = order[:cut] if held_out else order[cut:]
    # Pixels are counts from 0 to 16.
    return torch.from_numpy(images).float()[chosen] / 16, torch.from_numpy(labels).long()[chosen]
