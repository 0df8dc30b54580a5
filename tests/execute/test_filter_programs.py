"""Filters and orders carried out by the real executor, against scipy and numpy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from scipy import ndimage

from mergec.ir.expression import concatenated
from mergec.schedule import memory
from tests.execute.bench import Bench

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]


@pytest.fixture
def bench() -> Bench:
    return Bench()


def numbers(*shape: int, seed: int = 0) -> Array:
    return np.random.default_rng([seed, *shape]).standard_normal(shape).astype(np.float32)


@pytest.mark.parametrize("tile", [64, 1 << 12, 1 << 19])
@pytest.mark.parametrize("shape", [(50, 30), (12, 10, 3, 3), (700,)])
def test_a_smooth_difference_added(
    bench: Bench, shape: tuple[int, ...], tile: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "LARGEST_TILE", tile)
    monkeypatch.setattr(memory, "SMALLEST_TILE", tile)
    a, b, c = (numbers(*shape, seed=seed) for seed in range(3))
    difference = bench.leaf(b) - bench.leaf(c)
    bench.outputs["w"] = bench.leaf(a) + difference.median_filter().gaussian_filter() * 0.5
    smooth = ndimage.gaussian_filter(ndimage.median_filter((b - c).astype(np.float64), size=3), sigma=1)
    np.testing.assert_allclose(bench.run(workers=2)["w"], a + 0.5 * smooth, rtol=1e-6, atol=1e-6)


@pytest.mark.usefixtures("small_tiles")
class TestWhole:
    def test_low_frequencies_of_one_and_high_ones_of_another(self, bench: Bench) -> None:
        a, b = numbers(20, 31), numbers(20, 31, seed=1)
        low = bench.leaf(a)
        bench.outputs["w"] = low + (bench.leaf(b) - low).high_frequencies(0.4, 0.4)
        own = [np.minimum(np.arange(n), n - np.arange(n)) / (n / 2) for n in a.shape]
        radius = np.sqrt(np.add.outer(own[0] ** 2, own[1] ** 2) / 2)
        spectrum = np.where(radius >= 0.4, np.fft.fft2(b), np.fft.fft2(a))
        np.testing.assert_allclose(bench.run()["w"], np.fft.ifft2(spectrum).real, atol=1e-6)

    def test_elements_in_the_order_of_another_and_back(self, bench: Bench) -> None:
        values, by = numbers(20, 31), numbers(20, 31, seed=1)
        arranged = bench.leaf(values).in_order_of(bench.leaf(by))
        bench.outputs["arranged"] = arranged
        bench.outputs["restored"] = arranged.out_of_order_of(bench.leaf(by))
        found = bench.run()
        np.testing.assert_array_equal(found["arranged"].ravel(), values.ravel()[by.argsort(axis=None)])
        np.testing.assert_array_equal(found["restored"], values)

    def test_a_joined_tensor_is_filtered_as_one(self, bench: Bench) -> None:
        above, below = numbers(9, 11, seed=1), numbers(5, 11, seed=2)
        joined = concatenated([bench.leaf(above), bench.leaf(below)], axis=0)
        bench.outputs["w"] = joined.median_filter().part(0, 8, 11)
        expected = ndimage.median_filter(np.concatenate([above, below]), size=3)[8:11]
        np.testing.assert_array_equal(bench.run()["w"], expected)

    def test_of_sixteen_bits_is_widened(self, bench: Bench) -> None:
        values = numbers(9, 11).astype(np.float16)
        bench.outputs["w"] = bench.leaf(values).gaussian_filter()
        expected = ndimage.gaussian_filter(values.astype(np.float64), sigma=1)
        np.testing.assert_allclose(bench.run()["w"], expected, rtol=1e-6, atol=1e-7)
