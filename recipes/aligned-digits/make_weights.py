"""Train two digit classifiers from different seeds, and save them under different names: a few seconds."""

from pathlib import Path
from typing import Final

import torch
from safetensors.torch import load_file, save_file
from sklearn.datasets import load_digits
from torch import Tensor, nn

WEIGHTS: Final = Path(__file__).with_name("weights")
WIDTH: Final = 256
SEEDS: Final = {"first": 1, "second": 2}
# Two programs, two ways to name the same three layers.
NAMES: Final = {
    "first": ("net.0", "net.2", "net.4"),
    "second": ("body.layer1", "body.layer2", "head"),
}
EPOCHS: Final = 60
BATCH: Final = 32
RATE: Final = 0.1


def network() -> nn.Sequential:
    """Two hidden layers between 64 pixels and ten scores, from torch's global random state."""
    return nn.Sequential(
        nn.Linear(64, WIDTH), nn.ReLU(), nn.Linear(WIDTH, WIDTH), nn.ReLU(), nn.Linear(WIDTH, 10)
    )


def digits(*, held_out: bool) -> tuple[Tensor, Tensor]:
    """Images and labels of one side of a fixed split: two thirds to train on, one third held out."""
    images, labels = load_digits(return_X_y=True)
    order = torch.randperm(len(labels), generator=torch.Generator().manual_seed(0))
    cut = len(labels) // 3
    chosen = order[:cut] if held_out else order[cut:]
    # Pixels are counts from 0 to 16.
    return torch.from_numpy(images).float()[chosen] / 16, torch.from_numpy(labels).long()[chosen]


def trained(seed: int) -> nn.Sequential:
    """A network that starts from a seed, and sees the digits in an order of its own."""
    torch.manual_seed(seed)
    model = network()
    images, labels = digits(held_out=False)
    optimizer = torch.optim.SGD(model.parameters(), lr=RATE)
    for _ in range(EPOCHS):
        for chosen in torch.split(torch.randperm(len(labels)), BATCH):
            optimizer.zero_grad()
            torch.autograd.backward(nn.functional.cross_entropy(model(images[chosen]), labels[chosen]))
            optimizer.step()
    return model


def parameters(model: nn.Sequential, names: tuple[str, ...]) -> dict[str, Tensor]:
    """A network's weights and biases, under these names of its layers."""
    layers = [layer for layer in model if isinstance(layer, nn.Linear)]
    return {
        f"{name}.{part}": parameter.data
        for name, layer in zip(names, layers, strict=True)
        for part, parameter in layer.named_parameters()
    }


def load(path: Path, names: tuple[str, ...]) -> nn.Sequential:
    """A network with the weights of a file that has these names for its layers."""
    model, tensors = network(), load_file(path)
    for name, parameter in parameters(model, names).items():
        parameter.copy_(tensors[name])
    return model


def main() -> None:
    """Train and write both."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # the order of float additions must not depend on the machine's cores
    WEIGHTS.mkdir(exist_ok=True)
    for name, seed in SEEDS.items():
        tensors = parameters(trained(seed), NAMES[name])
        save_file(tensors, WEIGHTS / f"{name}.safetensors", metadata={"format": "pt"})
    torch.set_num_threads(threads)


if __name__ == "__main__":
    main()
