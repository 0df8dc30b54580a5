from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from scipy import ndimage

from mergec.ir import filter_primitives
from mergec.ir.filter_primitives import FILTERED_AT_ONCE
from mergec.kernels.filters import KERNELS, _exchanges

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]

SHAPES = [
    (),
    (0,),
    (1,),
    (2,),
    (3, 0),
    (5, 4),
    (1, 9),
    (30, 40, 3, 3),
    (16, 12, 1, 1),
    (FILTERED_AT_ONCE + 7,),
    (300, 301),
    (2, 3 * FILTERED_AT_ONCE),
    (3, 200, 301),
]


def numbers(shape: tuple[int, ...], dtype: Any = np.float32) -> Array:
    drawn = np.random.default_rng(len(shape)).standard_normal(shape)
    return np.asarray(np.round(drawn * 4, 1), dtype)  # with ties


def run(kernel: str, values: Array) -> Array:
    source = torch.from_numpy(values.copy())
    out = torch.full_like(source, 7.0)
    KERNELS[kernel](out, [source])
    np.testing.assert_array_equal(source.numpy(), values)
    return out.numpy()


def median(values: Array) -> Array:
    return np.asarray(ndimage.median_filter(values, size=3) if values.size and values.ndim else values)


def gaussian(values: Array) -> Array:
    wide = values.astype(np.float64)
    return np.asarray(ndimage.gaussian_filter(wide, sigma=1) if values.size and values.ndim else wide)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", SHAPES)
class TestAreThoseOfScipy:
    def test_median(self, shape: tuple[int, ...], dtype: Any) -> None:
        values = numbers(shape, dtype)
        np.testing.assert_array_equal(run("median_filter", values), median(values))

    def test_gaussian(self, shape: tuple[int, ...], dtype: Any) -> None:
        values = numbers(shape, dtype)
        expected = gaussian(values)
        rounding = 2e-7 if dtype is np.float32 else 1e-14
        np.testing.assert_allclose(run("gaussian_filter", values), expected, rtol=rounding, atol=1e-14)


@pytest.mark.parametrize("kernel", KERNELS)
@given(shape=npst.array_shapes(max_dims=4, max_side=7), size=st.integers(1, 40))
def test_the_size_of_parts_changes_no_bit(kernel: str, shape: tuple[int, ...], size: int) -> None:
    values = numbers(shape)
    whole = run(kernel, values)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(filter_primitives, "FILTERED_AT_ONCE", size)
        np.testing.assert_array_equal(run(kernel, values).view(np.uint32), whole.view(np.uint32))


@pytest.mark.parametrize("kernel", KERNELS)
def test_a_nan_spreads_as_far_as_the_filter_reaches(kernel: str) -> None:
    values = numbers((20, 20))
    values[10, 10] = np.nan
    reach = 1 if kernel == "median_filter" else 4
    expected = np.zeros((20, 20), bool)
    expected[10 - reach : 11 + reach, 10 - reach : 11 + reach] = True
    np.testing.assert_array_equal(np.isnan(run(kernel, values)), expected)


def test_a_median_of_zero_is_positive() -> None:
    values = np.where(np.arange(40) % 2, -0.0, 0.0).astype(np.float32)
    for one in (values, -values, np.full(40, -0.0, np.float32)):
        assert not np.signbit(run("median_filter", one)).any()


@pytest.mark.parametrize("count", [3, 9, 27, 81])
def test_exchanges_bring_the_median_to_the_middle(count: int) -> None:
    """Of values 0 and 1 with every number of ones: what exchanges do to these, they do to all (Knuth)."""
    rows = np.random.default_rng(0).random((4000, count)).argsort(axis=1) < np.arange(4000)[:, None] % (
        count + 1
    )
    places = list(rows.T.copy())
    for low, high in _exchanges(count):
        places[low], places[high] = places[low] & places[high], places[low] | places[high]
    np.testing.assert_array_equal(places[count // 2], rows.sum(axis=1) > count // 2)
