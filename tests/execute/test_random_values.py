"""Random leaves carried out by the real executor: each element by its position, however it is reached."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from mergec.ir.axis_index import AxisIndex, IndexFactor
from mergec.ir.dtype import DType
from mergec.ir.expression import Tensor, concatenated
from mergec.ir.permutation_primitives import GIVEN
from mergec.ir.random_primitives import kept, normal, uniform
from mergec.kernels.kept import keep
from mergec.kernels.normal import normal_values
from mergec.kernels.uniform import uniform_values
from mergec.schedule import memory
from tests.execute.bench import Bench

SHAPE = (113, 70)
EXPECTED = {
    "uniform": uniform_values(3, "w", 0, 113 * 70).reshape(SHAPE),
    "normal": normal_values(3, "w", 0.5, 0, 113 * 70).reshape(SHAPE),
    "kept": np.empty(SHAPE, np.float32),
}
keep(EXPECTED["kept"].reshape(-1), 3, "w", 0.3, 0)


@pytest.fixture
def bench() -> Bench:
    return Bench()


def drawn(bench: Bench, distribution: str) -> Tensor:
    like = bench.leaf(np.zeros(SHAPE, np.float16))
    drawn = {
        "uniform": lambda: uniform(like, 3, "w"),
        "normal": lambda: normal(like, 3, "w", 0.5),
        "kept": lambda: kept(like, 3, "w", 0.3),
    }
    return drawn[distribution]()


@pytest.mark.parametrize("distribution", EXPECTED)
class TestEach:
    @pytest.mark.parametrize("tile", [64, 1 << 12, 1 << 19])
    @pytest.mark.parametrize("workers", [1, 3])
    def test_whatever_the_tiles(
        self, bench: Bench, distribution: str, tile: int, workers: int, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(memory, "LARGEST_TILE", tile)
        monkeypatch.setattr(memory, "SMALLEST_TILE", tile)
        bench.outputs["w"] = drawn(bench, distribution)
        np.testing.assert_array_equal(bench.run(workers=workers)["w"], EXPECTED[distribution])

    @pytest.mark.usefixtures("small_tiles")
    def test_cut_and_turned(self, bench: Bench, distribution: str) -> None:
        values = drawn(bench, distribution)
        bench.outputs["rows"] = values.part(0, 50, 70)
        bench.outputs["columns"] = values.part(1, 3, 20) * 2.0
        bench.outputs["turned"] = values.transposed + values.transposed
        bench.outputs["joined"] = concatenated([values, values], axis=1) * 1.0
        bench.outputs["flat"] = values.reshape(70 * 113)
        found, expected = bench.run(), EXPECTED[distribution]
        np.testing.assert_array_equal(found["rows"], expected[50:70])
        np.testing.assert_array_equal(found["columns"], 2 * expected[:, 3:20])
        np.testing.assert_array_equal(found["turned"], 2 * expected.T)
        np.testing.assert_array_equal(found["joined"], np.concatenate([expected, expected], axis=1))
        np.testing.assert_array_equal(found["flat"], expected.ravel())

    @pytest.mark.usefixtures("small_tiles")
    def test_held_whole(self, bench: Bench, distribution: str) -> None:
        factor = np.eye(70, dtype=np.float32)
        bench.outputs["w"] = (bench.leaf(factor) @ drawn(bench, distribution).transposed).transposed
        np.testing.assert_array_equal(bench.run()["w"], EXPECTED[distribution])

    @pytest.mark.usefixtures("small_tiles")
    def test_rows_in_another_order(self, bench: Bench, distribution: str) -> None:
        values = bench.leaf(np.ones(SHAPE, np.float32))
        rows = np.random.default_rng(0).permutation(SHAPE[0]).astype(np.int32)
        given = bench.graph.add(GIVEN, (), (rows.astype("<i4").tobytes(),))
        index = Tensor(bench.graph, given).axis_index(0, AxisIndex(((IndexFactor(len(rows), 0),),)))
        mask = drawn(bench, distribution).above(0.25)
        bench.outputs["w"] = mask.where(values, values * 0.5).gathered(index, 0)
        expected = np.where(EXPECTED[distribution] > 0.25, 1.0, 0.5)[rows]
        np.testing.assert_array_equal(bench.run()["w"], expected)


@pytest.mark.usefixtures("small_tiles")
def test_a_mask_drops_the_same_elements_of_any_dtype(bench: Bench) -> None:
    kept: dict[str, Any] = {}
    for dtype in (np.float16, np.float32, np.float64):
        like = bench.leaf(np.ones(SHAPE, dtype))
        half = bench.leaf(np.full(SHAPE, 0.5, np.float32))
        bench.outputs[np.dtype(dtype).name] = uniform(like, 3, "w").below(half).cast(DType.F32)
    kept = bench.run()
    for mask in kept.values():
        np.testing.assert_array_equal(mask, EXPECTED["uniform"] < 0.5)


def test_degrees_say_what_may_be_added_to_weights(bench: Bench) -> None:
    weights = bench.leaf(np.zeros(SHAPE, np.float32))
    assert (weights + normal(weights, 0, "w", 1.0)).degree == 1.0
    assert uniform(weights, 0, "w").degree is None
