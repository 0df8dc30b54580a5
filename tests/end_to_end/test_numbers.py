"""Values against arithmetic written a second time, in numpy: separate multiply and add, one rounding."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from tests.conftest import rounded_to, stored

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from tests.conftest import Raw, Tensor, Workbench

    Array = NDArray[Any]

RECIPE_NAMES = {"F16": "float16", "BF16": "bfloat16", "F32": "float32", "F64": "float64"}
CODES = list(RECIPE_NAMES)
SHAPE = (211, 37)


def values(seed: int, code: str) -> Array:
    """Numbers of all sizes that a dtype has, as that dtype rounds them."""
    rng = np.random.default_rng(seed)
    span = {"F16": 12, "BF16": 60, "F32": 60, "F64": 60}[code]
    wide = rng.standard_normal(SHAPE) * 2.0 ** rng.integers(-span, span // 2, SHAPE)
    wide.flat[:4] = [0.0, -0.0, 1e-45, 6e-8]
    return rounded_to(code, wide)


def wide(arrays: Sequence[Array]) -> type[np.floating[Any]]:
    """What is computed in."""
    return np.float64 if any(array.dtype == np.float64 for array in arrays) else np.float32


def weighted_sum(arrays: Sequence[Array], weights: Sequence[float]) -> Array:
    dtype = wide(arrays)
    with np.errstate(all="ignore"):
        terms = [array.astype(dtype) * dtype(w) for array, w in zip(arrays, weights, strict=True)]
        total: Array = terms[0]
        for term in terms[1:]:
            total = total + term
    return total


def assert_same_bytes(made: Tensor, code: str, expected: Array) -> None:
    assert made.code == code
    written = stored(code, expected)
    bits = written if isinstance(written, np.ndarray) else written.bits
    assert made.data == bits.tobytes()


def sources(bench: Workbench, codes: Sequence[str]) -> list[Array]:
    arrays = [values(number, code) for number, code in enumerate(codes)]
    for name, code, array in zip("abc", codes, arrays, strict=False):
        bench.source(name, {"w": stored(code, array)})
    return arrays


@pytest.mark.parametrize(("input_code", "output_code"), list(itertools.product(CODES, CODES)))
class TestEveryPairOfDtypes:
    def test_linear(self, bench: Workbench, input_code: str, output_code: str) -> None:
        arrays = sources(bench, [input_code] * 3)
        model = {"op": "linear", "inputs": {"a": 0.3, "b": 0.45, "c": "rest"}}
        made = bench.build(model, dtype=RECIPE_NAMES[output_code])
        assert_same_bytes(made["w"], output_code, weighted_sum(arrays, [0.3, 0.45, 1 - (0.3 + 0.45)]))

    def test_interpolate(self, bench: Workbench, input_code: str, output_code: str) -> None:
        arrays = sources(bench, [input_code] * 2)
        model = {"op": "interpolate", "from": "a", "to": "b", "t": 0.1}
        made = bench.build(model, dtype=RECIPE_NAMES[output_code])
        assert_same_bytes(made["w"], output_code, weighted_sum(arrays, [1 - 0.1, 0.1]))

    def test_task_arithmetic(self, bench: Workbench, input_code: str, output_code: str) -> None:
        a, b, c = sources(bench, [input_code] * 3)
        dtype = wide([a])
        made = bench.build("a + 0.7 * (b - a) - 0.2 * (c - a)", dtype=RECIPE_NAMES[output_code])
        with np.errstate(all="ignore"):
            first = a.astype(dtype) + (b.astype(dtype) - a.astype(dtype)) * dtype(0.7)
            expected = first - (c.astype(dtype) - a.astype(dtype)) * dtype(0.2)
        assert_same_bytes(made["w"], output_code, expected)

    def test_a_change_of_dtype_alone(self, bench: Workbench, input_code: str, output_code: str) -> None:
        (array,) = sources(bench, [input_code])
        made = bench.build("a", dtype=RECIPE_NAMES[output_code])
        assert_same_bytes(made["w"], output_code, array)


@pytest.mark.parametrize("codes", [("F16", "F64"), ("BF16", "F32"), ("F64", "BF16"), ("F32", "F16")])
def test_inputs_of_different_dtypes(bench: Workbench, codes: tuple[str, str]) -> None:
    arrays = sources(bench, codes)
    made = bench.build("0.3 * a + 0.7 * b")
    assert_same_bytes(made["w"], codes[0], weighted_sum(arrays, [0.3, 0.7]))


def test_a_chain_of_models_rounds_once(bench: Workbench) -> None:
    a, b, c = (array.astype(np.float32) for array in sources(bench, ["BF16"] * 3))
    models = {
        "half": {"op": "linear", "inputs": {"a": 0.3, "b": 0.7}},
        "merged": {"op": "linear", "inputs": {"half": 0.6, "c": 0.4}},
    }
    half = a * np.float32(0.3) + b * np.float32(0.7)
    expected = half * np.float32(0.6) + c * np.float32(0.4)
    assert_same_bytes(bench.build(models)["w"], "BF16", expected)


@pytest.mark.parametrize("code", CODES)
def test_infinities_stay_and_every_nan_is_the_same(bench: Workbench, code: str) -> None:
    array = np.ones(1001, np.float64)
    array[::7], array[::11] = np.inf, np.nan
    made: dict[str, Array | Raw] = {"w": stored(code, array)}
    bench.source("a", made)
    bench.source("b", made)
    found = bench.build("0.5 * a + 0.5 * b")["w"]
    np.testing.assert_array_equal(found.values.astype(np.float64), array)
    width = len(found.data) // 1001
    assert len({found.data[i * width : (i + 1) * width] for i in range(0, 1001, 11)}) == 1


@pytest.mark.parametrize("weight", [1e-60, 1e39])
def test_weights_beyond_float32(bench: Workbench, weight: float) -> None:
    arrays = sources(bench, ["F32", "F32"])
    model = {"op": "linear", "inputs": {"a": weight, "b": 1.0}, "allow_scaling": True}
    found = bench.build(model)["w"].values
    expected = weighted_sum(arrays, [weight, 1.0])
    np.testing.assert_array_equal(found, expected)


def test_large_tensors_are_the_sum_of_their_tiles(bench: Workbench) -> None:
    rng = np.random.default_rng(5)
    arrays = [rng.standard_normal((1000, 1003), np.float32) for _ in "ab"]
    for name, array in zip("ab", arrays, strict=True):
        bench.source(name, {"w": array})
    assert_same_bytes(bench.build("0.3 * a + 0.7 * b")["w"], "F32", weighted_sum(arrays, [0.3, 0.7]))


def test_the_oracle_rounds_as_the_bits_do() -> None:
    # 0x3f80 is 1, one bfloat16 step is 2^-7; halves go to the even neighbour.
    exact = np.array([1, 1 + 2**-8, 1 + 3 * 2**-8, 1 + 2**-8 + 2**-30, 3.4e38, 2.0**-134, 3 * 2.0**-134])
    bits = rounded_to("BF16", exact).view(np.uint32) >> 16
    assert [hex(b) for b in bits] == ["0x3f80", "0x3f80", "0x3f82", "0x3f81", "0x7f80", "0x0", "0x2"]
