"""Write three clients' models after a round of training: one network, each client a step away from it."""

from pathlib import Path
from typing import Final

import torch
from torch import Generator, Tensor, nn

WEIGHTS: Final = Path(__file__).with_name("weights")
BATCH: Final = 50
SAMPLES: Final = {"clinic": 150, "hospital": 600, "university": 1250}


def network() -> nn.Sequential:
    """A small convolutional network with a batch norm, whose statistics are averaged too."""
    return nn.Sequential(
        nn.Conv2d(1, 16, 3, bias=False), nn.BatchNorm2d(16), nn.ReLU(), nn.Flatten(), nn.Linear(16 * 36, 10)
    )


def after_round(start: dict[str, Tensor], samples: int, random: Generator) -> dict[str, Tensor]:
    """A client's weights: moved at random, with a batch counter that says how many batches it saw."""
    moved = dict(start)
    for name, tensor in start.items():
        if tensor.is_floating_point():
            moved[name] = tensor + 0.05 * torch.rand(tensor.shape, generator=random)
        else:
            moved[name] = tensor + samples // BATCH
    return moved


def main() -> None:
    """Write all three, as `torch.save` of a state dict does."""
    WEIGHTS.mkdir(exist_ok=True)
    torch.manual_seed(0)
    random = Generator().manual_seed(0)
    start = network().state_dict()
    for name, samples in SAMPLES.items():
        torch.save(after_round(start, samples, random), WEIGHTS / f"{name}.pth")


if __name__ == "__main__":
    main()
