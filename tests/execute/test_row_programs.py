"""Graphs of sums, extremes and ranks of rows carried out by the real executor, against numpy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

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


def spread(bench: Bench, rows: int) -> Array:
    """All four of them in one expression; what numpy makes of it."""
    values = numbers(rows, 6, 7)
    x = bench.leaf(values)
    above = x - x.row_min().repeated(*x.shape)
    bench.outputs["w"] = above / above.row_max() * x.row_rank() + x.row_sum().repeated(*x.shape)
    flat = values.reshape(rows, -1)
    least, most = (found(flat, axis=1).reshape(rows, 1, 1) for found in (np.min, np.max))
    ranks = flat.argsort(axis=1).argsort(axis=1).reshape(values.shape).astype(np.float32)
    total = flat.astype(np.float64).sum(axis=1).astype(np.float32).reshape(rows, 1, 1)
    expected: Array = (values - least) / (most - least) * ranks + total
    return expected


@pytest.mark.parametrize("tile", [64, 1 << 12, 1 << 19])
@pytest.mark.parametrize("workers", [1, 3])
@pytest.mark.parametrize("rows", [1, 31, 200])
def test_whatever_the_tiles(
    tile: int, workers: int, rows: int, bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = spread(bench, rows)
    whole = bench.run()["w"]
    np.testing.assert_allclose(whole, expected, rtol=1e-6, atol=1e-6)
    monkeypatch.setattr(memory, "LARGEST_TILE", tile)
    monkeypatch.setattr(memory, "SMALLEST_TILE", tile)
    np.testing.assert_array_equal(bench.run(workers=workers)["w"], whole)


@pytest.mark.usefixtures("small_tiles")
class TestUnderViews:
    def test_rows_of_a_joined_tensor_are_its_parts(self, bench: Bench) -> None:
        above, below = numbers(9, 11, seed=1), numbers(50, 11, seed=2)
        joined = concatenated([bench.leaf(above), bench.leaf(below)], axis=0)
        bench.outputs["w"] = joined.row_rank()
        assert len(bench.plan().regions) == 2
        expected = np.concatenate([above, below]).argsort(axis=1).argsort(axis=1)
        np.testing.assert_array_equal(bench.run()["w"], expected)

    def test_rows_joined_side_by_side_are_ranked_as_one(self, bench: Bench) -> None:
        left, right = numbers(9, 5, seed=1), numbers(9, 6, seed=2)
        joined = concatenated([bench.leaf(left), bench.leaf(right)], axis=1)
        bench.outputs["w"] = joined.row_rank()
        expected = np.concatenate([left, right], axis=1).argsort(axis=1).argsort(axis=1)
        np.testing.assert_array_equal(bench.run()["w"], expected)

    def test_of_the_last_axis_of_several(self, bench: Bench) -> None:
        values = numbers(4, 5, 9)
        bench.outputs["w"] = bench.leaf(values).reshape(20, 9).row_max().reshape(4, 5, 1)
        np.testing.assert_array_equal(bench.run()["w"], values.max(axis=2, keepdims=True))

    def test_cut_and_turned(self, bench: Bench) -> None:
        values = numbers(40, 9)
        ranks = bench.leaf(values).row_rank()
        bench.outputs["rows"] = ranks.part(0, 35, 39)
        bench.outputs["columns"] = ranks.part(1, 2, 5) * 2.0
        bench.outputs["turned"] = ranks.transposed
        found, expected = bench.run(), values.argsort(axis=1).argsort(axis=1)
        np.testing.assert_array_equal(found["rows"], expected[35:39])
        np.testing.assert_array_equal(found["columns"], 2 * expected[:, 2:5])
        np.testing.assert_array_equal(found["turned"], expected.T)
