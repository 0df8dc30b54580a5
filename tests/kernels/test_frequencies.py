from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch

from mergec.ir import filter_primitives
from mergec.kernels import frequencies
from mergec.kernels.frequencies import KERNELS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]

SHAPES = [(), (1,), (2,), (7,), (8, 6), (9, 1, 5), (1, 1), (5, 6, 3, 3), (0, 4)]


def numbers(*shape: int, dtype: Any = np.float64) -> Array:
    return np.asarray(np.random.default_rng(len(shape)).standard_normal(shape)).astype(dtype)


def high(values: Array, low: float, top: float) -> Array:
    source = torch.from_numpy(values.copy())
    out = torch.full_like(source, 7.0)
    KERNELS["high_frequencies"](out, [source], low, top)
    return out.numpy()


def oracle(values: Array, low: float, top: float) -> Array:
    """By the whole spectrum, each frequency by itself."""
    if not values.ndim:
        return oracle(values.reshape(1), low, top).reshape(())
    if not values.size:
        return values
    spectrum = np.fft.fftn(values)
    for index in np.ndindex(values.shape):
        pairs = [(min(i, n - i) / (n / 2)) ** 2 for i, n in zip(index, values.shape, strict=True) if n > 1]
        radius = (sum(pairs) / len(pairs)) ** 0.5 if pairs else 0.0
        share = float(radius >= top) if low == top else min(max((radius - low) / (top - low), 0.0), 1.0)
        spectrum[index] *= share
    return np.asarray(np.fft.ifftn(spectrum).real)


@pytest.mark.parametrize("limits", [(0.5, 0.5), (0.2, 0.9), (-1.0, 0.4), (0.6, 2.0)])
@pytest.mark.parametrize("shape", SHAPES)
def test_each_frequency_has_its_share(shape: tuple[int, ...], limits: tuple[float, float]) -> None:
    values = numbers(*shape)
    np.testing.assert_allclose(high(values, *limits), oracle(values, *limits), atol=1e-14)


def test_all_are_kept_or_taken_out() -> None:
    values = numbers(12, 10)
    np.testing.assert_allclose(high(values, -1.0, 0.0), values, atol=1e-14)
    np.testing.assert_array_equal(high(values, 1.5, 1.5), np.zeros_like(values))


def test_the_mean_has_no_frequency_and_an_alternation_the_highest() -> None:
    constant = np.full((6, 8), 3.0)
    alternating = (-1.0) ** np.add.outer(np.arange(6), np.arange(8))
    np.testing.assert_allclose(high(constant + alternating, 0.99, 0.99), alternating, atol=1e-14)


def test_of_float32_is_rounded_once() -> None:
    values = numbers(40, 33, dtype=np.float32)
    expected = high(values.astype(np.float64), 0.3, 0.6).astype(np.float32)
    np.testing.assert_array_equal(high(values, 0.3, 0.6), expected)


@pytest.mark.parametrize("size", [1, 10, 100])
def test_the_size_of_parts_changes_no_bit(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    values = numbers(31, 17)
    whole = high(values, 0.3, 0.6)
    monkeypatch.setattr(frequencies, "FILTERED_AT_ONCE", size)
    assert size != filter_primitives.FILTERED_AT_ONCE
    np.testing.assert_array_equal(high(values, 0.3, 0.6), whole)
