"""Networks that read scikit-learn's digits, trained from different seeds: apart, and after alignment."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch
from sklearn.datasets import load_digits

from benchmarks.perceptrons import Images, accuracy, barrier, loss, losses_between, trained

if TYPE_CHECKING:
    from benchmarks.perceptrons import Tensors
    from tests.end_to_end.barriers.conftest import Made

NAMES = "abcd"


@pytest.fixture(scope="module")
def sides() -> tuple[Images, Images]:
    """Images to train on, and a third of all held out."""
    pixels, labels = (torch.from_numpy(values) for values in load_digits(return_X_y=True))
    order = torch.randperm(len(labels), generator=torch.Generator().manual_seed(0))
    seen, held_out = (Images(pixels[side].float() / 16, labels[side]) for side in (order[600:], order[:600]))
    return seen, held_out


@pytest.fixture(scope="module")
def networks(sides: tuple[Images, Images]) -> dict[str, Tensors]:
    """Four networks, each from a seed of its own."""
    seen, _ = sides
    return {
        name: trained(seed, seen, (256, 256), epochs=60, batch=32) for seed, name in enumerate(NAMES, start=1)
    }


def aligned(model: str, **keys: object) -> dict[str, object]:
    return {"op": "align", "symmetry": "mlp", "model": model, "to": "a", **keys}


def test_alignment_takes_the_barrier_away(
    networks: dict[str, Tensors], sides: tuple[Images, Images], made: Made
) -> None:
    a, b, (_, held_out) = networks["a"], networks["b"], sides
    before = losses_between(a, b, held_out)
    after = losses_between(a, made({"a": a, "b": b}, {"moved": aligned("b")}), held_out)
    assert after[0] == pytest.approx(loss(a, held_out), abs=1e-6)
    assert after[-1] == pytest.approx(loss(b, held_out), abs=1e-6)
    assert barrier(before) >= 0.2
    assert barrier(after) <= 0.1 * barrier(before)


def mean_of_all(networks: dict[str, Tensors], made: Made, **keys: object) -> Tensors:
    """The mean of `a` and the others, each aligned to it."""
    others = list(NAMES[1:])
    models: dict[str, object] = {f"{name}_moved": aligned(name, together=others, **keys) for name in others}
    inputs = {"a": 0.25} | {f"{name}_moved": 0.25 for name in others}
    return made(networks, models | {"merged": {"op": "linear", "inputs": inputs}})


def spread(networks: dict[str, Tensors], mean: Tensors) -> float:
    """The sum of the squared distances of all networks to their mean.

    Their own lengths are the same in any order of their units, so the mean alone tells it.
    """
    lengths = sum(float(t.double().square().sum()) for network in networks.values() for t in network.values())
    return lengths - len(networks) * sum(float(t.double().square().sum()) for t in mean.values())


def test_four_networks_are_nearer_to_each_other_than_by_an_anchor(
    networks: dict[str, Tensors], sides: tuple[Images, Images], made: Made
) -> None:
    held_out = sides[1]
    plain = {
        name: torch.stack([network[name] for network in networks.values()]).mean(0) for name in networks["a"]
    }
    anchored, refined = mean_of_all(networks, made), mean_of_all(networks, made, refine=True)
    assert spread(networks, refined) <= spread(networks, anchored) < spread(networks, plain)
    alone = [accuracy(network, held_out) for network in networks.values()]
    assert accuracy(plain, held_out) < min(alone) - 0.1
    for mean in (anchored, refined):
        assert accuracy(mean, held_out) > min(alone) - 0.02
