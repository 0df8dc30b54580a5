"""Train two small ResNets with BatchNorm from different seeds, with the names that torchvision gives."""

from pathlib import Path
from typing import Final, cast

import torch
from safetensors.torch import save_file
from sklearn.datasets import load_digits
from torch import Tensor, nn

WEIGHTS: Final = Path(__file__).with_name("weights")
WIDTHS: Final = (16, 32)
SEEDS: Final = {"first": 1, "second": 2}
BATCH: Final = 64


class Block(nn.Module):
    """torchvision's BasicBlock: two convolutions around which the input is carried."""

    def __init__(self, inputs: int, outputs: int) -> None:
        """Make a block, with a projection of what is carried where the width changes."""
        super().__init__()
        stride = 1 if inputs == outputs else 2
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.downsample: nn.Module = nn.Identity()
        if stride > 1:
            projection = nn.Conv2d(inputs, outputs, 1, stride, bias=False)
            self.downsample = nn.Sequential(projection, nn.BatchNorm2d(outputs))

    def forward(self, x: Tensor) -> Tensor:
        """Map images to images."""
        inside = self.bn1(self.conv1(x)).relu()
        return cast("Tensor", (self.bn2(self.conv2(inside)) + self.downsample(x)).relu())


class ResNet(nn.Module):
    """Stem, a stage of two blocks for each width, head: ResNet18's outline for images of 8 by 8 pixels."""

    def __init__(self) -> None:
        """Make an untrained network from torch's global random state."""
        super().__init__()
        first, second = WIDTHS
        self.conv1 = nn.Conv2d(1, first, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(first)
        self.layer1 = nn.Sequential(Block(first, first), Block(first, first))
        self.layer2 = nn.Sequential(Block(first, second), Block(second, second))
        self.fc = nn.Linear(second, 10)

    def forward(self, images: Tensor) -> Tensor:
        """Map images of one channel to one score for each of the ten digits."""
        x = self.layer2(self.layer1(self.bn1(self.conv1(images)).relu()))
        return cast("Tensor", self.fc(x.mean((2, 3))))


def digits() -> tuple[Tensor, Tensor]:
    """All images, as planes of 8 by 8 pixels, and their labels."""
    images, labels = load_digits(return_X_y=True)
    return torch.from_numpy(images).float().reshape(-1, 1, 8, 8) / 16, torch.from_numpy(labels).long()


def trained(seed: int) -> ResNet:
    """A network that starts from a seed and sees every image once: it has statistics of its own."""
    torch.manual_seed(seed)
    model = ResNet()
    images, labels = digits()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for chosen in torch.split(torch.randperm(len(labels)), BATCH):
        optimizer.zero_grad()
        torch.autograd.backward(nn.functional.cross_entropy(model(images[chosen]), labels[chosen]))
        optimizer.step()
    return model.eval()


def main() -> None:
    """Train and write both."""
    WEIGHTS.mkdir(exist_ok=True)
    for name, seed in SEEDS.items():
        tensors = {key: tensor.contiguous() for key, tensor in trained(seed).state_dict().items()}
        save_file(tensors, WEIGHTS / f"{name}.safetensors", metadata={"format": "pt"})


if __name__ == "__main__":
    main()
