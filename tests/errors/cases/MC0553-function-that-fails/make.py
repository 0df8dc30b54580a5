"""A function that wants other names."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from safetensors.numpy import save_file

if TYPE_CHECKING:
    from pathlib import Path

NET = """
def net(tensors):
    return tensors["fc.weight"]
"""


def make(folder: Path) -> None:
    for name in "ab":
        shapes = {"0.weight": (4, 3), "0.bias": (4,), "2.weight": (2, 4), "2.bias": (2,)}
        tensors = {key: np.arange(np.prod(shape)).reshape(shape) for key, shape in shapes.items()}
        floats = {key: tensor.astype(np.float32) for key, tensor in tensors.items()}
        save_file(floats, folder / f"{name}.safetensors")
    (folder / "net.py").write_text(NET)
