from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from mergec.symmetries.matching import times, torch_times
from mergec.symmetries.matching.times import IN_NUMPY, squares, times_for
from mergec.symmetries.matching.torch_times import InTorch, least_dtype
from tests.symmetries.matching.topologies import mlp

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mergec.symmetries.matching.times import Times

    Array = NDArray[Any]

BOTH = [IN_NUMPY, InTorch()]


def drawn(shape: tuple[int, ...], dtype: type = np.float32, seed: int = 0) -> Array:
    return np.random.default_rng([seed, *shape]).standard_normal(shape).astype(dtype)


@pytest.mark.parametrize("way", BOTH)
@pytest.mark.parametrize("shape", [(1, 1, 1), (3, 70, 5), (130, 300, 64), (200, 90, 700)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("lies", ["in rows", "in columns", "apart"])
def test_products_are_those_of_float64(
    way: Times, shape: tuple[int, int, int], dtype: type, lies: str
) -> None:
    rows, others, width = shape
    left, right = drawn((rows, width), dtype), drawn((others, width), dtype, 1)
    if lies == "in columns":
        left, right = (np.asfortranarray(side) for side in (left, right))
    if lies == "apart":
        left, right = (np.repeat(np.repeat(side, 2, 0), 2, 1)[::2, ::2] for side in (left, right))
    before = right.copy()
    found = way.exactly(right)(left)
    assert found.dtype == dtype
    assert np.array_equal(right, before)
    bound = np.finfo(dtype).eps * width
    doubled = left.astype(np.float64), right.astype(np.float64)
    exact = doubled[0] @ doubled[1].T
    assert (np.abs(found - exact) <= bound * (np.abs(doubled[0]) @ np.abs(doubled[1]).T)).all()


@pytest.mark.parametrize("way", BOTH)
@pytest.mark.parametrize("is_turned", [False, True])
@pytest.mark.parametrize("weight", [1.0, 0.5])
def test_rough_products_are_wrong_by_little(way: Times, weight: float, *, is_turned: bool) -> None:
    left, right = drawn((130, 300)), drawn((90, 300), seed=1)
    if is_turned:
        left, right = (np.asfortranarray(side) for side in (left, right))
    out = np.ones((130, 90), np.float32)
    add = way.roughly(way.rounded(right))
    for start in (0, 64, 128):
        stretch = slice(start, start + 64)
        add(out[stretch], way.rounded(left)[stretch], weight)
    norms = np.sqrt(np.outer(way.squares(way.rounded(left)), way.squares(way.rounded(right))))
    wrong = np.abs(out - 1 - weight * left.astype(np.float64) @ right.astype(np.float64).T)
    assert (wrong <= (way.error + 1e-6) * norms + 1e-6).all()


@pytest.mark.parametrize("way", BOTH)
def test_rows_of_few_digits_are_put_together(way: Times) -> None:
    values = drawn((100, 7))
    out = way.empty((100, 7))
    for start in range(0, 100, 30):
        out[start : start + 30] = way.rounded(values[start : start + 30])
    np.testing.assert_allclose(way.squares(out), np.square(values).sum(axis=1), rtol=2 * way.error + 1e-6)


@pytest.mark.parametrize("shape", [(1, 1), (200, 3), (3, 200), (128, 64)])
@pytest.mark.parametrize("order", ["C", "F"])
def test_squares_of_norms(shape: tuple[int, int], order: Any) -> None:
    values = np.array(drawn(shape), order=order)
    np.testing.assert_allclose(squares(values), np.square(values.astype(np.float64)).sum(axis=1), rtol=1e-5)


def test_rough_products_are_of_a_type_that_has_them() -> None:
    assert least_dtype() in torch_times.ERRORS


def test_torch_is_for_many_products(monkeypatch: pytest.MonkeyPatch) -> None:
    symmetry = mlp(8, 16, 4)  # 16 units of 8 + 1 + 4 weights
    monkeypatch.setattr(times, "MANY", 16 * 16 * 13 + 1)
    assert times_for(symmetry) is IN_NUMPY
    monkeypatch.setattr(times, "MANY", 16 * 16 * 13)
    assert isinstance(times_for(symmetry), InTorch)
