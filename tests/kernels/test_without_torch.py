"""The kernels in NumPy leave the bytes that those in torch leave."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mergec.execute.needs_torch import ARITHMETIC, NUMBERS, OTHERS, REDUCTIONS, WITH_SCALAR
from mergec.execute.numpy_evaluator import _REDUCTIONS
from mergec.ir.dtype import DType
from mergec.kernels import pairs, table, without_torch
from mergec.kernels.findings import NotIdentical
from mergec.kernels.torch_dtypes import register_dtype
from mergec.kernels.without_torch import KERNELS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]

FLOATS = [DType.BF16, DType.F32, DType.F64]
BITS = {DType.BF16: np.uint16, DType.F32: np.uint32, DType.F64: np.uint64}
PAIRS = [(a, b) for a in FLOATS for b in FLOATS if {a, b} != {DType.BF16, DType.F64}]
BINARY = sorted(ARITHMETIC - {"scale"})
FACTORS = st.one_of(st.floats(allow_nan=False, width=32), st.just(0.0), st.just(0.1))


def test_what_is_admitted_has_a_kernel() -> None:
    assert set(KERNELS) == ARITHMETIC | OTHERS | NUMBERS | {"with_scalar"}
    assert set(_REDUCTIONS) == REDUCTIONS


def drawn(data: st.DataObject, dtype: DType, count: int) -> Array:
    """Any bits at all: every NaN, infinities, zeros of both signs, values of all sizes and ties."""
    seed = data.draw(st.integers(0, 2**32))
    kind = np.dtype(BITS[dtype])
    bits = np.frombuffer(np.random.default_rng(seed).bytes(count * kind.itemsize), kind).copy()
    few = st.lists(st.sampled_from(_special(dtype)), max_size=8)
    special = np.array(data.draw(few), kind)[:count]
    bits[: len(special)] = special
    return bits


def _special(dtype: DType) -> list[int]:
    """0, infinity, the smallest and the largest NaN, the largest number and ties, with both signs."""
    infinity = {DType.BF16: 0x7F80, DType.F32: 0x7F800000, DType.F64: 0x7FF0000000000000}[dtype]
    top = 1 << (8 * np.dtype(BITS[dtype]).itemsize - 1)
    found = [0, 1, infinity - 1, infinity, infinity + 1, top - 1]
    if dtype is DType.F32:
        found += [0x3F808000, 0x3F818000, 0x3F808001, 0x3F807FFF, 0x7F7FFFFF, 0x7F7F8000, 0x7FFF8000]
    return [sign + bits for bits in found for sign in (0, top)]


def ours(kernel: str, out: DType, dtypes: list[DType], sources: list[Array], *attributes: object) -> Array:
    register = np.empty(len(sources[0]), without_torch.register_dtype(out))
    views = [s.view(without_torch.register_dtype(d)) for s, d in zip(sources, dtypes, strict=True)]
    with np.errstate(all="ignore"):
        KERNELS[kernel](register, views, *attributes)
    return register.view(BITS[out])


def theirs(kernel: str, out: DType, dtypes: list[DType], sources: list[Array], *attributes: object) -> Array:
    register = torch.empty(len(sources[0]), dtype=register_dtype(out))
    views = [torch.from_numpy(s).view(register_dtype(d)) for s, d in zip(sources, dtypes, strict=True)]
    table.KERNELS[kernel](register, views, *attributes)
    found: Array = register.view(torch.uint8).numpy().view(BITS[out])
    return found


def settled(bits: Array, dtype: DType) -> tuple[Array, bool]:
    """The bits after NaNs have been settled by torch, which kernels may leave as they like."""
    register = torch.from_numpy(bits.copy()).view(register_dtype(dtype))
    is_finite = table.KERNELS["settle_nans"](register, ())
    found: Array = register.view(torch.uint8).numpy().view(BITS[dtype])
    return found, is_finite


@pytest.mark.parametrize(("source", "target"), PAIRS)
@pytest.mark.parametrize("count", [1, 7, 100])
@given(data=st.data())
def test_casts(source: DType, target: DType, count: int, data: st.DataObject) -> None:
    bits = [drawn(data, source, count)]
    found = ours("cast", target, [source], bits), theirs("cast", target, [source], bits)
    np.testing.assert_array_equal(settled(found[0], target)[0], settled(found[1], target)[0])


@pytest.mark.parametrize("dtype", [DType.F32, DType.F64])
@given(data=st.data(), factor=FACTORS)
def test_scales(dtype: DType, data: st.DataObject, factor: float) -> None:
    bits = [drawn(data, dtype, 100)]
    found = ours("scale", dtype, [dtype], bits, factor), theirs("scale", dtype, [dtype], bits, factor)
    np.testing.assert_array_equal(settled(found[0], dtype)[0], settled(found[1], dtype)[0])


@pytest.mark.parametrize("dtype", [DType.F32, DType.F64])
@pytest.mark.parametrize("operation", sorted(WITH_SCALAR))
@given(data=st.data(), number=st.floats())
def test_with_a_number_of_a_vector(operation: str, dtype: DType, data: st.DataObject, number: float) -> None:
    vector = np.array([[1.5, number]]).view(np.uint64)
    sources, dtypes = [drawn(data, dtype, 100), vector], [dtype, DType.F64]
    found = [one("with_scalar", dtype, dtypes, sources, operation, 1) for one in (ours, theirs)]
    np.testing.assert_array_equal(settled(found[0], dtype)[0], settled(found[1], dtype)[0])


@pytest.mark.parametrize("dtype", [DType.F32, DType.F64])
@pytest.mark.parametrize("kernel", BINARY)
@given(data=st.data())
def test_of_two_operands(kernel: str, dtype: DType, data: st.DataObject) -> None:
    bits = [drawn(data, dtype, 100), drawn(data, dtype, 100)]
    found = ours(kernel, dtype, [dtype] * 2, bits), theirs(kernel, dtype, [dtype] * 2, bits)
    np.testing.assert_array_equal(settled(found[0], dtype)[0], settled(found[1], dtype)[0])


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("count", [1, 100])
@given(data=st.data(), finite=st.booleans())
def test_settles_nans(dtype: DType, count: int, data: st.DataObject, *, finite: bool) -> None:
    bits = drawn(data, dtype, count)
    if finite:  # all but a few bit patterns are
        _, exponent, _ = _layout(dtype)
        bits &= ~(bits.dtype.type(1) << bits.dtype.type(exponent))
    expected, is_finite = settled(bits, dtype)
    assert not finite or is_finite
    register = bits.copy().view(without_torch.register_dtype(dtype))
    assert KERNELS["settle_nans"](register, []) is is_finite
    np.testing.assert_array_equal(register.view(BITS[dtype]), expected)


def _layout(dtype: DType) -> tuple[int, int, int]:
    """Bits in all, the place of the lowest bit of the exponent, and of the sign."""
    bits = 8 * np.dtype(BITS[dtype]).itemsize
    return bits, {DType.BF16: 7, DType.F32: 23, DType.F64: 52}[dtype], bits - 1


@pytest.mark.parametrize(("source", "target"), PAIRS)
def test_many_values_go_in_parts(source: DType, target: DType) -> None:
    count = (1 << 17) + 3
    bits = np.frombuffer(np.random.default_rng(0).bytes(count * source.itemsize), BITS[source])
    found, expected = (cast("cast", target, [source], [bits.copy()]) for cast in (ours, theirs))
    register = found.view(without_torch.register_dtype(target))
    assert KERNELS["settle_nans"](register, []) is False
    np.testing.assert_array_equal(found, settled(expected, target)[0])


@pytest.mark.parametrize("count", [2, 100, (1 << 18) + 6])
def test_pairs_are_widened_and_rounded_as_one_by_one(count: int) -> None:
    bits = np.frombuffer(np.random.default_rng(0).bytes(2 * count), np.uint16).copy()
    wide, expected = np.empty(count, np.float32), np.empty(count, np.float32)
    pairs.cast(wide, [bits])
    KERNELS["cast"](expected, [bits])
    np.testing.assert_array_equal(wide.view(np.uint32), np.r_[expected[::2], expected[1::2]].view(np.uint32))
    narrow, rounded = np.empty(count, np.uint16), np.empty(count, np.uint16)
    with np.errstate(all="ignore"):
        pairs.cast(narrow, [wide * np.float32(0.3)])
        KERNELS["cast"](rounded, [expected * np.float32(0.3)])
    assert KERNELS["settle_nans"](narrow, []) is KERNELS["settle_nans"](rounded, [])
    np.testing.assert_array_equal(narrow, rounded)


@pytest.mark.parametrize("dtype", [DType.I8, DType.BOOL, DType.I16, DType.U32, DType.I64])
def test_identical_finds_the_first_difference(dtype: DType) -> None:
    kind = without_torch.register_dtype(dtype)
    one = np.arange(100).astype(kind)
    out = np.empty_like(one)
    KERNELS["identical"](out, [one, one.copy()])
    np.testing.assert_array_equal(out, one)
    other = one.copy()
    other[[41, 60]] += kind(1)
    with pytest.raises(NotIdentical) as difference:
        KERNELS["identical"](out, [one, other])
    assert difference.value.element == 41
