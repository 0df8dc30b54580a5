"""What recipes make of networks whose units are in different orders."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import pytest
import torch

if TYPE_CHECKING:
    from collections.abc import Mapping

    from benchmarks.perceptrons import Tensors
    from tests.conftest import Workbench


class Made(Protocol):
    """What the last of a recipe's models is, where the sources `a`, `b`, ... are these networks."""

    def __call__(self, networks: Mapping[str, Tensors], models: Mapping[str, object]) -> Tensors: ...


@pytest.fixture
def made(bench: Workbench) -> Made:
    def build(networks: Mapping[str, Tensors], models: Mapping[str, object]) -> Tensors:
        for name, tensors in networks.items():
            bench.source(name, {key: tensor.numpy() for key, tensor in tensors.items()})
        found = bench.build(dict(models))
        return {name: torch.from_numpy(tensor.values.copy()) for name, tensor in found.items()}

    return build
