"""Train the quickstart's three checkpoints: a base, and two specialists that each forget half the digits.

The files are committed, so running this is only needed to change them.
"""

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import torch
from network import DigitNet, digits
from safetensors.torch import save_file
from torch import Tensor, nn

HERE: Final = Path(__file__).parent
BASE_IMAGES: Final = 80
BATCH: Final = 32


def batches(images: Tensor, labels: Tensor, epochs: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Shuffled batches, epoch after epoch."""
    for _ in range(epochs):
        for chosen in torch.split(torch.randperm(len(labels)), BATCH):
            yield images[chosen], labels[chosen]


def fit(network: DigitNet, images: Tensor, labels: Tensor, *, epochs: int, rate: float) -> None:
    """Train a network in place."""
    optimizer = torch.optim.AdamW(network.parameters(), lr=rate)
    for image, label in batches(images, labels, epochs):
        optimizer.zero_grad()
        torch.autograd.backward(nn.functional.cross_entropy(network(image), label))
        optimizer.step()


def specialist(base: DigitNet, low: int, high: int) -> DigitNet:
    """Fine-tune a copy of the base on the digits from `low` up to, without, `high`, and on no others."""
    images, labels = digits(held_out=False)
    mine = (labels >= low) & (labels < high)
    network = copy.deepcopy(base)
    fit(network, images[mine], labels[mine], epochs=10, rate=5e-4)
    return network


def save(network: nn.Module, name: str, prefix: str = "") -> None:
    """Write a network's weights beside this script."""
    tensors = {prefix + key: tensor.contiguous() for key, tensor in network.state_dict().items()}
    save_file(tensors, HERE / name, metadata={"format": "pt"})
    (HERE / name).chmod(0o644)


def main() -> None:
    """Train and write all three."""
    torch.manual_seed(0)
    torch.set_num_threads(1)  # the order of float additions must not depend on the machine's cores
    torch.use_deterministic_algorithms(mode=True)
    base = DigitNet()
    images, labels = digits(held_out=False)
    fit(base, images[:BASE_IMAGES], labels[:BASE_IMAGES], epochs=15, rate=1e-3)
    save(base, "base.safetensors")
    save(specialist(base, 0, 5), "low-digits.safetensors")
    # Saved from inside DistributedDataParallel, as many checkpoints are: the recipe has to rename.
    save(specialist(base, 5, 10), "high-digits.safetensors", prefix="module.")


if __name__ == "__main__":
    main()
