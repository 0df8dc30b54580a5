"""Measures against numpy on whole tensors."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from mergec.diagnostics import Report
from mergec.ir.dtype import DType
from mergec.ir.strided_view import StridedView
from mergec.sources import open_bytes
from mergec.sources.open_checkpoint import open_checkpoint
from mergec.verification import value_difference as unit
from mergec.verification.value_difference import Placed, ValueDifference, value_difference
from tests.conftest import Raw, bf16, round_to_bf16, write_checkpoint

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Array


def difference(folder: Path, a: Array | Raw, b: Array | Raw) -> ValueDifference | None:
    placed = []
    for name, tensor in (("a", a), ("b", b)):
        path = write_checkpoint(folder / f"{name}.safetensors", {"x": tensor})
        found = open_checkpoint(path, nest=None, span=None, report=Report())
        assert found is not None
        placed.append((found.tensors["x"], found.files[0]))
    with closing(open_bytes(placed[0][1])) as one, closing(open_bytes(placed[1][1])) as two:
        return value_difference(Placed(placed[0][0], one), Placed(placed[1][0], two))


def random_pair(shape: tuple[int, ...]) -> tuple[Array, Array]:
    generator = np.random.default_rng(5)
    a = generator.standard_normal(shape)
    return a, a + generator.standard_normal(shape) * (generator.random(shape) < 0.3) * 0.1


@pytest.mark.parametrize("shape", [(), (1,), (700, 900), (3, 5, 7)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.float16])
def test_measures(tmp_path: Path, shape: tuple[int, ...], dtype: Any) -> None:
    a, b = (np.asarray(one, dtype) for one in random_pair(shape))
    if (a == b).all():
        b = b + dtype(1)
    found = difference(tmp_path, a, b)
    assert found is not None
    one, two = a.astype(np.longdouble).ravel(), b.astype(np.longdouble).ravel()
    assert (found.elements, found.differing, found.not_finite) == (a.size, int((a != b).sum()), 0)
    assert found.max_abs == float(np.abs(two - one).max())
    norm = np.sqrt((one**2).sum())
    assert found.relative_l2 == pytest.approx(float(np.sqrt(((two - one) ** 2).sum()) / norm), rel=1e-14)
    cosine = float((one * two).sum() / (norm * np.sqrt((two**2).sum())))
    assert found.cosine == pytest.approx(cosine, rel=1e-14)


def test_bfloat16(tmp_path: Path) -> None:
    a, b = random_pair((40, 50))
    found = difference(tmp_path, bf16(a), bf16(b))
    one, two = round_to_bf16(a).astype(np.float64), round_to_bf16(b).astype(np.float64)
    assert found is not None
    assert found.differing == int((one != two).sum())
    assert found.max_abs == np.abs(one - two).max()


def test_equal_bits(tmp_path: Path) -> None:
    a = np.array([1.0, np.nan, np.inf, -0.0], np.float32)
    assert difference(tmp_path, a, a) is None
    assert difference(tmp_path, np.zeros((0, 3), np.float32), np.zeros((0, 3), np.float32)) is None


def test_a_zero_of_the_other_sign(tmp_path: Path) -> None:
    found = difference(tmp_path, np.array([0.0, 1.0], np.float32), np.array([-0.0, 1.0], np.float32))
    assert found == ValueDifference(2, 1, 0.0, 0.0, 1.0)


def test_what_is_not_finite_is_counted_apart(tmp_path: Path) -> None:
    a = np.array([1.0, 2.0, np.nan, np.inf, np.inf], np.float32)
    b = np.array([1.0, 2.5, 3.0, np.inf, -np.inf], np.float32)
    found = difference(tmp_path, a, b)
    assert found is not None
    assert (found.differing, found.not_finite, found.max_abs) == (3, 2, 0.5)
    assert found.relative_l2 == pytest.approx(0.5 / np.sqrt(5), rel=1e-15)


def test_quotients_by_nothing(tmp_path: Path) -> None:
    zero, one = np.zeros(3, np.float32), np.ones(3, np.float32)
    assert difference(tmp_path, zero, one) == ValueDifference(3, 3, 1.0, None, None)
    assert difference(tmp_path, one, zero) == ValueDifference(3, 3, 1.0, 1.0, None)


def test_numbers_too_large_for_a_square(tmp_path: Path) -> None:
    found = difference(tmp_path, np.array([1e300, -1e308]), np.array([1e299, 1e308]))
    assert found == ValueDifference(2, 2, None, None, None)


def test_integers_and_booleans(tmp_path: Path) -> None:
    found = difference(tmp_path, np.array([1, -5, 7], np.int64), np.array([1, 5, 7], np.int64))
    assert found is not None
    assert (found.differing, found.max_abs) == (1, 10.0)
    found = difference(tmp_path, np.array([True, False]), np.array([True, True]))
    assert found is not None
    assert (found.differing, found.max_abs) == (1, 1.0)


def test_two_dtypes(tmp_path: Path) -> None:
    a = np.array([1.0, 2.0, 0.1], np.float32)
    found = difference(tmp_path, a, a.astype(np.float16))
    assert found is not None
    assert found.differing == 1
    assert found.max_abs == abs(float(a[2]) - float(np.float16(a[2])))
    same = difference(tmp_path, a, a.astype(np.float64))
    assert same is not None
    assert same[:4] == (3, 0, 0.0, 0.0)
    assert same.cosine == pytest.approx(1.0)


def test_dtypes_that_are_no_numbers(tmp_path: Path) -> None:
    one, two = (Raw("F8_E4M3", np.array(bits, np.uint8)) for bits in ([1, 2, 3], [1, 0, 0]))
    assert difference(tmp_path, one, two) == ValueDifference(3, 2)
    assert difference(tmp_path, one, one) is None


def test_elements_that_are_no_whole_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unit, "BLOCK", 4)
    view = StridedView.contiguous(0, 1, DType.F4, (10,))
    one, two = (Placed(view, _Memory(bytes([9, 1, 2, 3, 4, last]))) for last in (5, 6))
    assert value_difference(one, one) is None
    assert value_difference(one, two) == ValueDifference(10, None)


@pytest.mark.parametrize("block", [1, 7, 64, 1 << 18])
def test_any_block_finds_the_same_but_for_rounding(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, block: int
) -> None:
    a, b = (one.astype(np.float32) for one in random_pair((13, 17)))
    whole = difference(tmp_path, a, b)
    monkeypatch.setattr(unit, "BLOCK", block)
    found = difference(tmp_path, a, b)
    assert whole is not None
    assert found is not None
    assert found[:3] == whole[:3]
    assert found[3:5] == pytest.approx(whole[3:5], rel=1e-14)


def test_the_order_of_parts_does_not_matter() -> None:
    generator = np.random.default_rng(1)
    parts = [
        unit._Sums(1, 0, 0.5, *(generator.random(4) * 10.0 ** generator.integers(-9, 9, 4)).tolist())
        for _ in range(100)
    ]
    expected = unit._measured(100, parts)
    for _ in range(5):
        shuffled = [parts[i] for i in generator.permutation(len(parts))]
        assert unit._measured(100, shuffled) == expected


class _Memory:
    """A file in memory."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.size = len(data)

    def read_at(self, offset: int, buffer: memoryview) -> None:
        buffer[:] = self.data[offset : offset + len(buffer)]

    def check_unchanged(self) -> None:
        """It is what it was."""

    def close(self) -> None:
        """There is nothing to close."""


@pytest.mark.parametrize("order", [(1, 0, 2), (2, 0, 1), (2, 1, 0)])
@pytest.mark.parametrize("is_first", [True, False])
def test_a_tensor_that_lies_in_another_order(
    monkeypatch: pytest.MonkeyPatch, order: tuple[int, ...], *, is_first: bool
) -> None:
    monkeypatch.setattr(unit, "BLOCK", 16)
    a, b = (one.astype(np.float32) for one in random_pair((3, 4, 5)))
    plain = Placed(StridedView.contiguous(0, 0, DType.F32, b.shape), _Memory(b.tobytes()))
    turned = np.ascontiguousarray(a.transpose(order))
    inverse = tuple(np.argsort(order).tolist())
    view = StridedView.contiguous(0, 0, DType.F32, turned.shape).permuted(inverse)
    other = Placed(view, _Memory(turned.tobytes()))
    found = value_difference(other, plain) if is_first else value_difference(plain, other)
    assert found is not None
    assert found.differing == int((a != b).sum())
    assert found.max_abs == np.abs(b.astype(np.float64) - a).max()
