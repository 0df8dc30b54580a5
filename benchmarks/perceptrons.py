"""Perceptrons trained from seeds, and how high the loss rises on the straight path between two of them."""

from collections.abc import Mapping
from itertools import pairwise
from typing import Final, NamedTuple

import torch
from torch import Tensor, nn

RATE: Final = 0.1
POINTS: Final = 25

Tensors = dict[str, Tensor]


class Images(NamedTuple):
    """Images as rows of pixels, and the numbers of their classes."""

    pixels: Tensor
    labels: Tensor


def trained(seed: int, images: Images, hidden: tuple[int, ...], *, epochs: int, batch: int) -> Tensors:
    """A classifier of ten classes after plain gradient descent, with the names of a torch `Sequential`."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # the order of float additions must not depend on the machine's cores
    torch.manual_seed(seed)
    sizes = (images.pixels.shape[1], *hidden, 10)
    linear = [nn.Linear(*pair) for pair in pairwise(sizes)]
    model = nn.Sequential(*(part for layer in linear[:-1] for part in (layer, nn.ReLU())), linear[-1])
    optimizer = torch.optim.SGD(model.parameters(), lr=RATE)
    for _ in range(epochs):
        for chosen in torch.split(torch.randperm(len(images.labels)), batch):
            optimizer.zero_grad()
            torch.autograd.backward(
                nn.functional.cross_entropy(model(images.pixels[chosen]), images.labels[chosen])
            )
            optimizer.step()
    torch.set_num_threads(threads)
    return {name: parameter.detach() for name, parameter in model.named_parameters()}


def scores(tensors: Mapping[str, Tensor], pixels: Tensor) -> Tensor:
    """What the network with these weights says of images, in float64."""
    layers = sorted({int(name.split(".")[0]) for name in tensors})
    values = pixels.double()
    for layer in layers:
        weight, bias = (tensors[f"{layer}.{part}"].double() for part in ("weight", "bias"))
        values = nn.functional.linear(values, weight, bias)
        if layer != layers[-1]:
            values = values.relu()
    return values


def loss(tensors: Mapping[str, Tensor], images: Images) -> float:
    """Mean cross entropy."""
    return nn.functional.cross_entropy(scores(tensors, images.pixels), images.labels).item()


def accuracy(tensors: Mapping[str, Tensor], images: Images) -> float:
    """The share of images whose class has the highest score."""
    return (scores(tensors, images.pixels).argmax(dim=1) == images.labels).double().mean().item()


def losses_between(first: Mapping[str, Tensor], second: Mapping[str, Tensor], images: Images) -> list[float]:
    """The losses of the means of two networks, from the first to the second at even steps."""
    shares = [point / (POINTS - 1) for point in range(POINTS)]
    return [
        loss({name: (1 - share) * first[name] + share * second[name] for name in first}, images)
        for share in shares
    ]


def barrier(losses: list[float]) -> float:
    """How far losses on a path rise above the straight line between those at its ends, at most.

    Entezari et al. 2022 (arXiv 2110.06296). It is 0 where the path never rises above the line.
    """
    shares = [point / (len(losses) - 1) for point in range(len(losses))]
    lines = [(1 - share) * losses[0] + share * losses[-1] for share in shares]
    return max(found - line for found, line in zip(losses, lines, strict=True))
