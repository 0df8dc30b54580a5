"""Filters by frequency, over all axes at once, in float64."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from mergec.ir.filter_primitives import FILTERED_AT_ONCE

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]


def high_frequencies(out: torch.Tensor, sources: Sequence[torch.Tensor], low: float, high: float) -> None:
    """What changes quickly: a share of each frequency that grows with its radius from `low` to `high`."""
    (source,) = sources
    if source.numel() == 0:
        return
    lines = source.unsqueeze(0) if source.dim() == 0 else source
    spectrum = torch.fft.rfftn(lines.double())
    shape = tuple(lines.shape)
    step = max(FILTERED_AT_ONCE // prod(spectrum.shape[1:]), 1)
    for start in range(0, len(spectrum), step):
        part = spectrum[start : start + step]
        part.mul_(torch.from_numpy(_shares(_radii(shape, start, start + len(part)), low, high)))
    out.copy_(torch.fft.irfftn(spectrum, s=shape).view(out.shape))


def _shares(radii: Floats, low: float, high: float) -> Floats:
    if low == high:
        return (radii >= high).astype(np.float64)
    return np.clip((radii - low) / (high - low), 0.0, 1.0)


def _radii(shape: tuple[int, ...], start: int, stop: int) -> Floats:
    """How far each frequency lies from the constant, 0 to 1, for some indices of the spectrum's first axis.

    Of the last axis the spectrum of real values holds one half.
    """
    squares = np.zeros((1,) * len(shape))
    for axis, length in enumerate(shape):
        index = np.arange(length // 2 + 1 if axis == len(shape) - 1 else length)
        if axis == 0:
            index = index[start:stop]
        frequencies = np.minimum(index, length - index) / max(length / 2, 1)
        squares = squares + (frequencies**2).reshape(-1, *(1 for _ in shape[axis + 1 :]))
    radii: Floats = np.sqrt(squares / max(sum(length > 1 for length in shape), 1))
    return radii


KERNELS: dict[str, Callable[..., Any]] = {"high_frequencies": high_frequencies}
