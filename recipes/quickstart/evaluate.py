"""Accuracy on held-out digits: the quickstart's three checkpoints, and those named on the command line."""

import sys
from pathlib import Path
from typing import Final

import torch
from network import DigitNet, digits
from safetensors.torch import load_file

HERE: Final = Path(__file__).parent
SOURCES: Final = ("base", "low-digits", "high-digits")


def load(path: Path) -> DigitNet:
    """A network with the weights of a file, in float32 whatever the file's dtypes are."""
    network = DigitNet()
    network.load_state_dict(
        {name.removeprefix("module."): tensor for name, tensor in load_file(path).items()}
    )
    return network


def accuracy(network: DigitNet) -> tuple[float, float, float]:
    """Percent right of all held-out digits, of 0 to 4, and of 5 to 9."""
    images, labels = digits(held_out=True)
    with torch.inference_mode():
        right = (network(images).argmax(dim=1) == labels).double() * 100
    low = labels < 5
    return right.mean().item(), right[low].mean().item(), right[~low].mean().item()


def main(checkpoints: list[Path]) -> None:
    """Print one row for each checkpoint."""
    paths = [HERE / f"{name}.safetensors" for name in SOURCES] + checkpoints
    width = max(len(path.stem) for path in paths)
    print(f"{'% right of':<{width}}  {'all':>6} {'0-4':>6} {'5-9':>6}")
    for path in paths:
        total, low, high = accuracy(load(path))
        print(f"{path.stem:<{width}}  {total:6.1f} {low:6.1f} {high:6.1f}")


if __name__ == "__main__":
    main([Path(argument) for argument in sys.argv[1:]])
