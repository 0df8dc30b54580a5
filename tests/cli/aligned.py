"""Recipes that align small networks of three linear layers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from safetensors.numpy import save_file

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

NAMES = "abc"
RECIPE = """\
mergec: 1
sources: {a: a.safetensors, b: b.safetensors, c: c.safetensors}
models:
  b_aligned: {op: align, model: b, to: a, symmetry: mlp}
  c_aligned: {op: align, model: c, to: a, symmetry: mlp, save_permutations: c_perms.safetensors}
  mean: 0.4 * a + 0.3 * b_aligned + 0.3 * c_aligned
output: {model: mean, path: out.safetensors}
"""
FUNCTION = """\
import torch

def net(tensors):
    x = torch.linspace(-2, 2, 20).reshape(4, 5)
    for layer in (0, 2, 4):
        x = tensors[f"{layer}.weight"] @ (x.relu() if layer else x) + tensors[f"{layer}.bias"][:, None]
    return x
"""


def network(seed: int) -> dict[str, NDArray[Any]]:
    draw = np.random.default_rng(seed)
    sizes = (4, 8, 8, 3)
    weights = {f"{2 * i}.weight": draw.standard_normal((sizes[i + 1], sizes[i])) for i in range(3)}
    biases = {f"{2 * i}.bias": draw.standard_normal(sizes[i + 1]) for i in range(3)}
    return {name: value.astype(np.float32) for name, value in {**weights, **biases}.items()}


def permuted(tensors: dict[str, NDArray[Any]], seed: int) -> dict[str, NDArray[Any]]:
    """The same function with its hidden units in another order."""
    draw = np.random.default_rng(seed)
    first, second = draw.permutation(8), draw.permutation(8)
    moved = {
        "0.weight": tensors["0.weight"][first],
        "0.bias": tensors["0.bias"][first],
        "2.weight": tensors["2.weight"][second][:, first],
        "2.bias": tensors["2.bias"][second],
        "4.weight": tensors["4.weight"][:, second],
        "4.bias": tensors["4.bias"],
    }
    return {name: np.ascontiguousarray(value) for name, value in moved.items()}  # as it is written


def write_aligned(folder: Path, text: str = RECIPE) -> Path:
    """`b` is `a` in another order, `c` is `a` in its own order with a little noise."""
    a = network(0)
    noise = network(1)
    models = {"a": a, "b": permuted(a, 2), "c": {name: a[name] + 0.01 * noise[name] for name in a}}
    for name, tensors in models.items():
        save_file(tensors, folder / f"{name}.safetensors")
    (folder / "net.py").write_text(FUNCTION)
    recipe = folder / "recipe.yaml"
    recipe.write_text(text)
    return recipe
