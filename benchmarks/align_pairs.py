"""Pairs of models to align, and how well an alignment has brought one to the other."""

import json
from math import sqrt
from pathlib import Path
from typing import Final

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from benchmarks.align_shapes import Axes, Shaped
from benchmarks.checkpoints import MARK
from benchmarks.perceptrons import Tensors

STD: Final = 0.02


def random_pair(folder: Path, shaped: Shaped, correlation: float) -> Path:
    """`a` and `b` in a folder: b's weights correlate so much with a's, in another order of the units.

    At 0 the two have nothing in common, as the first layers of two networks at their start.
    """
    mark = folder.with_name(f"{folder.name}.{MARK}")
    if mark.exists():
        return folder
    random = torch.Generator().manual_seed(0)
    first = {axes.name: STD * torch.randn(axes.shape, generator=random) for axes in shaped.tensors}
    orders: Tensors = {}
    second: Tensors = {}
    rest = sqrt(1 - correlation**2)
    for axes in shaped.tensors:
        noise = STD * torch.randn(axes.shape, generator=random)
        second[axes.name] = _reordered(correlation * first[axes.name] + rest * noise, axes, orders, random)
    write_pair(folder, shaped, first, second)
    mark.touch()
    return folder


def write_pair(folder: Path, shaped: Shaped, first: Tensors, second: Tensors) -> None:
    """Write two models as folders with their config.json."""
    for name, tensors in (("a", first), ("b", second)):
        (folder / name).mkdir(parents=True, exist_ok=True)
        (folder / name / "config.json").write_text(json.dumps(shaped.config or {}))
        stored = {key: value.to(getattr(torch, shaped.dtype)).contiguous() for key, value in tensors.items()}
        save_file(stored, folder / name / "model.safetensors", metadata={"format": "pt"})


def _reordered(values: Tensor, axes: Axes, orders: Tensors, random: torch.Generator) -> Tensor:
    for axis, group in enumerate(axes.groups):
        if group is not None:
            if group not in orders:
                orders[group] = torch.randperm(values.shape[axis], generator=random)
            values = values.index_select(axis, orders[group])
    return values


def likeness(folder: Path, shaped: Shaped, aligned: Path) -> float:
    """The objective of weight matching over its largest value: the cosine of the angle between two models.

    Counts what the alignment has written, tensor by tensor in float64, and asks before whether it holds the
    values of `b` at all.
    """
    inner = squares_a = squares_b = 0.0
    with (
        safe_open(folder / "a" / "model.safetensors", "pt") as first,
        safe_open(folder / "b" / "model.safetensors", "pt") as second,
        safe_open(_file(aligned), "pt") as moved,
    ):
        for axes in shaped.tensors:
            a, b, found = (file.get_tensor(axes.name).double().flatten() for file in (first, second, moved))
            if not torch.equal(b.sort().values, found.sort().values):
                raise ValueError(f"{aligned}: {axes.name} does not hold the values of the moved model")
            if axes.counted:
                inner += float(a @ found)
                squares_a += float(a @ a)
                squares_b += float(b @ b)
    return inner / sqrt(squares_a * squares_b)


def _file(path: Path) -> Path:
    return path if path.is_file() else path / "model.safetensors"
