from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from mergec.ir.elementwise_primitives import ELEMENTWISE_PRIMITIVES, SELECTED_AT_ONCE
from mergec.kernels.selection import KERNELS
from mergec.kernels.table import KERNELS as ALL_KERNELS

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Array = NDArray[Any]

NAN, INFINITY = float("nan"), float("inf")
ORACLES: dict[str, Callable[..., Any]] = {
    "abs": np.abs,
    "sign": np.sign,
    "sqrt": np.sqrt,
    "minimum": lambda a, b: np.minimum(a, b) + 0.0,
    "maximum": lambda a, b: np.maximum(a, b) + 0.0,
    "at_least": np.greater_equal,
    "above": np.greater,
    "below": np.less,
    "equals": np.equal,
    "where": lambda mask, a, b: np.where(mask != 0, a, b),
}
OPERANDS = {"abs": 1, "sign": 1, "sqrt": 1, "where": 3}
DTYPES = [np.float32, np.float64]
SPECIAL = [0.0, -0.0, 1.0, -1.0, 1e-40, INFINITY, -INFINITY, NAN]


def run(kernel: str, *sources: Array, into: int | None = None) -> Array:
    """The kernel's result, in the place of one of its sources if `into` is its position."""
    tensors = [torch.from_numpy(source.copy()) for source in sources]
    out = torch.full_like(tensors[0], 7.0) if into is None else tensors[into]
    KERNELS[kernel](out, tensors)
    for position, (tensor, source) in enumerate(zip(tensors, sources, strict=True)):
        if position != into:
            np.testing.assert_array_equal(tensor.numpy(), source)
    return out.numpy()


def check(kernel: str, found: Array, *sources: Array) -> None:
    with np.errstate(invalid="ignore"):
        expected = ORACLES[kernel](*sources).astype(found.dtype)
    np.testing.assert_array_equal(found, expected)
    if kernel != "sign":  # numpy has no one answer for the sign of -0.0
        kept = ~np.isnan(expected)
        np.testing.assert_array_equal(np.signbit(found[kept]), np.signbit(expected[kept]))


def test_every_primitive_has_a_kernel() -> None:
    assert set(ELEMENTWISE_PRIMITIVES) <= set(ALL_KERNELS)
    assert set(KERNELS) == set(ORACLES)


@pytest.mark.parametrize("kernel", ORACLES)
@pytest.mark.parametrize("dtype", DTYPES)
@given(data=st.data())
def test_is_what_numpy_gives(kernel: str, dtype: Any, data: st.DataObject) -> None:
    values = st.one_of(st.sampled_from(SPECIAL), st.floats(width=np.dtype(dtype).itemsize * 8))
    shape = data.draw(npst.array_shapes(max_dims=3, max_side=20))
    count = OPERANDS.get(kernel, 2)
    sources = [data.draw(npst.arrays(dtype, shape, elements=values)) for _ in range(count)]
    into = data.draw(st.sampled_from([None, *range(count)]))
    check(kernel, run(kernel, *sources, into=into), *sources)


@pytest.mark.parametrize("kernel", ORACLES)
@pytest.mark.parametrize("dtype", DTYPES)
def test_where_an_element_lies_changes_no_bit_of_it(kernel: str, dtype: Any) -> None:
    numbers = np.random.default_rng(1).standard_normal(4)
    sources = np.meshgrid(*[np.array([*SPECIAL, *numbers], dtype)] * OPERANDS.get(kernel, 2), indexing="ij")
    width = f"u{np.dtype(dtype).itemsize}"
    for elements in zip(*(source.ravel() for source in sources), strict=True):
        found = run(kernel, *(np.full(150, element, dtype) for element in elements))
        if not np.isnan(found[0]):
            assert len(np.unique(found.view(width))) == 1, elements
    flat = [source.ravel() for source in sources]
    whole = run(kernel, *flat)
    kept = ~np.isnan(whole)
    for start in range(0, len(whole) - 40, 7):
        for count in (1, 2, 3, 5, 8, 13, 17, 31, 40):
            part = slice(start, start + count)
            found = run(kernel, *(source[part] for source in flat))
            np.testing.assert_array_equal(found.view(width)[kept[part]], whole[part].view(width)[kept[part]])


class TestSign:
    def test_a_nan_stays_one_among_many(self) -> None:
        values = np.ones(2 * SELECTED_AT_ONCE + 5, np.float32)
        values[[3, -1]] = NAN
        values[5] = -INFINITY
        check("sign", run("sign", values, into=0), values)

    def test_zeros_have_none(self) -> None:
        assert not np.signbit(run("sign", np.array([-0.0, 0.0]))).any()


@pytest.mark.parametrize(("kernel", "expected"), [("minimum", 0.0), ("maximum", 0.0)])
def test_a_limit_of_zero_is_positive(kernel: str, expected: float) -> None:
    for pair in ((0.0, -0.0), (-0.0, 0.0), (-0.0, -0.0)):
        found = run(kernel, *(np.full(40, one, np.float32) for one in pair))
        assert (found == expected).all()
        assert not np.signbit(found).any()


class TestSqrt:
    def test_is_correctly_rounded_for_every_mantissa(self) -> None:
        for first in (0x3F800000, 0x40000000):  # from 1 and from 2: an odd and an even exponent
            values = np.arange(first, first + (1 << 23), 5, dtype=np.uint32).view(np.float32)
            expected = np.sqrt(values.astype(np.float64)).astype(np.float32)
            np.testing.assert_array_equal(run("sqrt", values), expected)


class TestWhere:
    @pytest.mark.parametrize("into", [None, 0, 1, 2])
    def test_of_many_elements_goes_in_parts(self, into: int | None) -> None:
        generator = np.random.default_rng(0)
        count = 2 * SELECTED_AT_ONCE + 3
        mask = (generator.random(count) < 0.5).astype(np.float32)
        chosen, other = (generator.standard_normal(count).astype(np.float32) for _ in range(2))
        check("where", run("where", mask, chosen, other, into=into), mask, chosen, other)

    def test_keeps_the_bits_of_what_is_chosen(self) -> None:
        odd = np.array([0x7FC12345, 0xFFC00001, 0x80000000], np.uint32).view(np.float32)
        mask, other = np.array([[1, 0, 1], [2, 3, 4]], np.float32)
        found = run("where", mask, odd, other)
        assert found.view(np.uint32).tolist() == [0x7FC12345, 0x40400000, 0x80000000]

    def test_any_mask_that_is_not_zero_chooses(self) -> None:
        mask = np.array([1, -0.0, 0, 0.25, -1, NAN, 1e-45], np.float32)
        found = run("where", mask, np.ones(7, np.float32), np.zeros(7, np.float32))
        assert found.tolist() == [1, 0, 0, 1, 1, 1, 1]

    def test_of_one_value_twice_is_that_value(self) -> None:
        value = torch.tensor([1.0, NAN, -0.0])
        KERNELS["where"](value, (torch.tensor([1.0, 0.0, 0.0]), value, value))
        assert value.view(torch.int32).tolist() == [0x3F800000, 0x7FC00000, -0x80000000]
