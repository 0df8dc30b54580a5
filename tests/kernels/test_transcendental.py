from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch

from mergec.ir.elementwise_primitives import WIDENED_AT_ONCE
from mergec.kernels.transcendental import KERNELS

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Array = NDArray[Any]

NAN, INFINITY = float("nan"), float("inf")
SPECIAL = [0.0, -0.0, 1.0, -1.0, 0.5, 1e-300, 5e-324, 700.0, -740.0, 1e5, 1e22, INFINITY, -INFINITY, NAN]
EXPONENTS = [0.0, 0.5, 1.0, 2.0, 3.0, -1.0, 0.37, -2.5]
ORACLES: dict[str, Callable[..., Any]] = {"exp": np.exp, "log": np.log, "cos": np.cos, "power": np.power}


def run(kernel: str, *sources: Array, attributes: tuple[float, ...] = ()) -> Array:
    tensors = [torch.from_numpy(source.copy()) for source in sources]
    out = torch.full_like(tensors[0], 7.0)
    KERNELS[kernel](out, tensors, *attributes)
    return out.numpy()


def operands(kernel: str, count: int, dtype: Any = np.float64) -> list[Array]:
    """Values of all sizes; of a power none that is negative."""
    generator = np.random.default_rng(3)
    wide = generator.standard_normal(count) * np.exp(generator.standard_normal(count) * 20)
    values = np.where(generator.random(count) < 0.2, generator.choice(SPECIAL, count), wide)
    if kernel != "power":
        return [values.astype(dtype)]
    return [np.abs(values).astype(dtype), generator.choice(EXPONENTS, count).astype(dtype)]


@pytest.mark.parametrize("kernel", KERNELS)
class TestFunctions:
    @pytest.mark.parametrize("dtype", [np.float32, np.float64])
    def test_are_those_of_numpy(self, kernel: str, dtype: Any) -> None:
        with np.errstate(all="ignore"):
            sources = operands(kernel, 2 * WIDENED_AT_ONCE + 77, dtype)
            expected = ORACLES[kernel](*(source.astype(np.float64) for source in sources)).astype(dtype)
        found = run(kernel, *sources)
        np.testing.assert_array_max_ulp(found[np.isfinite(expected)], expected[np.isfinite(expected)], 2)
        np.testing.assert_array_equal(found[~np.isfinite(expected)], expected[~np.isfinite(expected)])

    @pytest.mark.parametrize("dtype", [np.float32, np.float64])
    def test_where_an_element_lies_changes_no_bit_of_it(self, kernel: str, dtype: Any) -> None:
        with np.errstate(over="ignore"):
            sources = operands(kernel, 400, dtype)
        bits = f"u{np.dtype(dtype).itemsize}"
        alone = np.array([run(kernel, *(s[i : i + 1] for s in sources))[0] for i in range(400)], dtype)
        kept = ~np.isnan(alone)
        for count in [*range(1, 140), 400]:
            for start in range(0, 401 - count, 29):
                part = slice(start, start + count)
                found = run(kernel, *(source[part] for source in sources))
                np.testing.assert_array_equal(
                    found.view(bits)[kept[part]], alone.view(bits)[part][kept[part]]
                )

    def test_in_place(self, kernel: str) -> None:
        sources = [torch.from_numpy(source) for source in operands(kernel, 5000)]
        expected = run(kernel, *(source.numpy() for source in sources))
        KERNELS[kernel](sources[0], sources)
        np.testing.assert_array_equal(sources[0].numpy(), expected)

    def test_of_nothing_is_nothing(self, kernel: str) -> None:
        assert run(kernel, *(source[:0] for source in operands(kernel, 3))).shape == (0,)


class TestPower:
    def test_one_exponent_is_as_good_as_one_for_each(self) -> None:
        values = operands("power", 5000)[0]
        for exponent in EXPONENTS:
            each = run("power", values, np.full_like(values, exponent))
            np.testing.assert_array_equal(run("power", values, attributes=(exponent,)), each)

    def test_half_way_results_are_rounded_once(self) -> None:
        values = np.random.default_rng(0).random(5000, np.float32)
        expected = (values.astype(np.float64) ** 0.37).astype(np.float32)
        assert (run("power", values, attributes=(0.37,)) == expected).mean() > 0.999
