from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from mergec.ir.primitive import Locality
from mergec.ir.primitives import PRIMITIVES
from mergec.kernels.elementwise import KERNELS
from mergec.kernels.findings import NotIdentical
from tests.conftest import rounded_to

if TYPE_CHECKING:
    from numpy.typing import NDArray

TORCH = {"BF16": torch.bfloat16, "F16": torch.float16, "F32": torch.float32, "F64": torch.float64}
INFINITY, NAN = float("inf"), float("nan")


def run(
    kernel: str, dtype: torch.dtype, *sources: torch.Tensor, attributes: tuple[Any, ...] = ()
) -> torch.Tensor:
    out = torch.empty(len(sources[0]), dtype=dtype)
    KERNELS[kernel](out, sources, *attributes)
    return out


def floats(*values: float) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float32)


def test_every_elementwise_primitive_has_a_kernel() -> None:
    elementwise = {name for name, p in PRIMITIVES.items() if p.locality is Locality.ELEMENTWISE}
    # The degree is a statement about the recipe; as a program it is a cast to the dtype that is there.
    assert elementwise - {"with_degree"} <= set(KERNELS)


class TestCast:
    @pytest.mark.parametrize("code", TORCH)
    @pytest.mark.parametrize("width", [32, 64])
    @given(data=st.data())
    def test_rounds_once_to_nearest_ties_to_even(self, code: str, width: Any, data: st.DataObject) -> None:
        elements = st.one_of(st.floats(width=width), _near_ties(width))
        values = data.draw(npst.arrays(f"f{width // 8}", st.integers(1, 40), elements=elements))
        found = run("cast", TORCH[code], torch.from_numpy(values)).double().numpy()
        np.testing.assert_array_equal(found, rounded_to(code, values).astype(np.float64))
        finite = np.isfinite(values)
        np.testing.assert_array_equal(np.signbit(found[finite]), np.signbit(values[finite]))

    @pytest.mark.parametrize(("code", "digits"), [("BF16", 8), ("F16", 11)])
    @pytest.mark.parametrize("sign", [1, -1])
    def test_of_float64_does_not_round_by_way_of_float32(self, code: str, digits: int, sign: int) -> None:
        value = sign * (1 + 2.0**-digits + 2.0**-40)  # a little more than half way
        found = run("cast", TORCH[code], torch.tensor([value], dtype=torch.float64))
        assert found.item() == sign * (1 + 2.0 ** (1 - digits))

    def test_of_many_float64_values_goes_in_parts(self) -> None:
        values = np.random.default_rng(0).standard_normal(100_003)
        found = run("cast", torch.bfloat16, torch.from_numpy(values)).float().numpy()
        np.testing.assert_array_equal(found, rounded_to("BF16", values))


def _near_ties(width: int) -> st.SearchStrategy[float]:
    """Values half way between two short floats, and their neighbours."""

    def made(mantissa: int, exponent: int, nudge: int) -> float:
        value = np.ldexp(np.float64(mantissa), exponent).astype(f"f{width // 8}")
        for _ in range(abs(nudge)):
            value = np.nextafter(value, value.dtype.type(INFINITY if nudge > 0 else -INFINITY))
        return float(value)

    return st.builds(made, st.integers(-(2**13), 2**13), st.integers(-145, 110), st.integers(-2, 2))


class TestScale:
    def test_by_zero_gives_minus_zero_whatever_the_operand(self) -> None:
        found = run("scale", torch.float32, floats(1, -1, INFINITY, NAN), attributes=(0.0,))
        assert found.tolist() == [0, 0, 0, 0]
        assert torch.signbit(found).all()

    def test_minus_zero_changes_no_sum(self) -> None:
        values = floats(0.0, -0.0, 1e-45, -1, INFINITY)
        zero = run("scale", torch.float32, values, attributes=(0.0,))
        found = run("add", torch.float32, values, zero)
        assert torch.equal(found.view(torch.int32), values.view(torch.int32))

    @given(st.floats(-1e30, 1e30, width=64), st.floats(-1e6, 1e6, width=32))
    def test_the_factor_is_rounded_to_the_dtype_computed_in(self, factor: float, value: float) -> None:
        found = run("scale", torch.float32, floats(value), attributes=(factor,)).numpy()
        expected = np.float32(value) * np.float32(factor) if factor else np.float32(-0.0)
        np.testing.assert_array_equal(found[0], expected)

    def test_a_factor_beyond_float32_is_infinite(self) -> None:
        assert run("scale", torch.float32, floats(2), attributes=(1e39,)).item() == INFINITY

    def test_in_place(self) -> None:
        values = floats(1, 2, 3)
        KERNELS["scale"](values, [values], 0.5)
        assert values.tolist() == [0.5, 1, 1.5]


class TestIdentical:
    def test_gives_the_value_that_all_share(self) -> None:
        values = torch.tensor([1, 2, 3], dtype=torch.int64)
        assert torch.equal(run("identical", torch.int64, values, values.clone()), values)

    def test_tells_the_first_difference(self) -> None:
        values = torch.tensor([1, 2, 3, 4], dtype=torch.int64)
        with pytest.raises(NotIdentical) as caught:
            run("identical", torch.int64, values, torch.tensor([1, 2, 9, 9]))
        assert caught.value.element == 2

    def test_tells_the_first_difference_of_many_elements(self) -> None:
        other = torch.zeros(10_000, dtype=torch.uint8)
        other[9_000:] = 1
        with pytest.raises(NotIdentical) as caught:
            run("identical", torch.uint8, torch.zeros_like(other), other)
        assert caught.value.element == 9_000


class TestSettleNans:
    @pytest.mark.parametrize("dtype", TORCH.values(), ids=str)
    def test_gives_every_nan_the_same_bits_and_changes_nothing_else(self, dtype: torch.dtype) -> None:
        width = {2: torch.int16, 4: torch.int32, 8: torch.int64}[dtype.itemsize]
        values = torch.tensor([1, INFINITY, -INFINITY, NAN, -0.0], dtype=dtype)
        nans = values[3:4].view(width) | torch.tensor([1, 0, 3], dtype=width)
        mixed = torch.cat([values, nans.view(dtype), -nans.view(dtype)])
        before = mixed.view(width).clone()
        KERNELS["settle_nans"](mixed, [])
        is_nan = torch.isnan(mixed)
        assert set(mixed.view(width)[is_nan].tolist()) == set(values[3:4].view(width).tolist())
        assert torch.equal(mixed.view(width)[~is_nan], before[~is_nan])
        assert is_nan.sum() == 7

    @pytest.mark.parametrize("dtype", TORCH.values(), ids=str)
    def test_tells_whether_all_values_are_finite(self, dtype: torch.dtype) -> None:
        settle = KERNELS["settle_nans"]
        largest = torch.full((100,), torch.finfo(dtype).max, dtype=dtype)  # whose sum is infinite
        assert settle(largest, []) is True
        assert settle(torch.tensor([], dtype=dtype), []) is True
        for bad in (INFINITY, -INFINITY, NAN):
            assert settle(torch.tensor([1, bad], dtype=dtype), []) is False
        assert settle(torch.tensor([INFINITY, -INFINITY], dtype=dtype), []) is False

    def test_of_many_elements_goes_in_parts(self) -> None:
        values = torch.full((10_000,), -NAN)
        values[5_000:] = 1.0
        KERNELS["settle_nans"](values, [])
        assert set(values[:5_000].view(torch.int32).tolist()) == {0x7FC00000}
        assert bool((values[5_000:] == 1.0).all())


def numbers(count: int) -> NDArray[np.float32]:
    return np.random.default_rng(0).standard_normal(count).astype(np.float32)


@pytest.mark.parametrize("kernel", ["add", "subtract"])
def test_sums_are_those_of_numpy(kernel: str) -> None:
    left, right = numbers(1001), numbers(1001)[::-1].copy()
    found = run(kernel, torch.float32, torch.from_numpy(left), torch.from_numpy(right)).numpy()
    np.testing.assert_array_equal(found, left + right if kernel == "add" else left - right)
