"""Three layers of small whole numbers, whose sums are exact."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from safetensors.numpy import save_file

if TYPE_CHECKING:
    from pathlib import Path


def make(folder: Path) -> None:
    for seed, name in enumerate("ab"):
        draw = np.random.default_rng(seed)
        shapes = {"0.weight": (4, 3), "0.bias": (4,), "2.weight": (4, 4), "2.bias": (4,), "4.weight": (2, 4)}
        tensors = {key: draw.integers(-4, 5, shape).astype(np.float32) for key, shape in shapes.items()}
        save_file({**tensors, "4.bias": np.zeros(2, np.float32)}, folder / f"{name}.safetensors")
