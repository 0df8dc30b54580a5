"""What files of kohya-ss hold: a module's name, a tensor of the base that it stands for, and values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]

FLAT, TARGET, BIAS = "lora_unet_mid_block_x", "mid_block.x.weight", "mid_block.x.bias"


def drawn(*shape: int, seed: int = 0) -> Array:
    """Random values, the same for the same shape and seed."""
    return np.random.default_rng([seed, *shape]).normal(size=shape)


def scalar(value: float) -> Array:
    """A tensor without axes, as an alpha is stored."""
    return np.array(value, np.float32)


def pair(flat: str, rows: int, columns: int, alpha: float | None = None, seed: int = 0) -> dict[str, Array]:
    """The factors of a module, of rank 2."""
    stored = {
        f"{flat}.lora_up.weight": drawn(rows, 2, seed=seed),
        f"{flat}.lora_down.weight": drawn(2, columns, seed=seed),
    }
    return stored if alpha is None else {**stored, f"{flat}.alpha": scalar(alpha)}


def product(stored: dict[str, Array], flat: str) -> Array:
    """What the factors of a module add to its weight."""
    scale = float(stored.get(f"{flat}.alpha", scalar(2))) / 2
    return scale * np.asarray(stored[f"{flat}.lora_up.weight"] @ stored[f"{flat}.lora_down.weight"])
