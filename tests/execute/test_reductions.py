"""Reductions, and numbers made of them, carried out by the real executor, against numpy in float64."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from mergec.ir.dtype import DType
from mergec.ir.expression import Tensor, concatenated
from mergec.ir.plan import JointTask
from mergec.ir.reduction_primitives import Rank
from mergec.ir.reductions import (
    column_products,
    extremes,
    gram,
    joint_gram,
    joint_kth_magnitudes,
    kth_magnitudes,
    row_products,
    scalars,
    sums,
)
from tests.execute.bench import Bench

Array = NDArray[Any]


@pytest.fixture
def bench() -> Bench:
    return Bench()


def numbers(*shape: int, seed: int = 0, dtype: Any = np.float32) -> Array:
    return np.random.default_rng([seed, *shape]).standard_normal(shape).astype(dtype)


def inverse_norms(products: list[list[float]], floor: float) -> list[float]:
    return [1 / max(math.sqrt(products[i][i]), floor) for i in range(len(products))]


def inverse_row_norms(products: Array) -> Array:
    return 1 / np.sqrt(products[:, 0, 0])


def unit(*tensors: Tensor) -> list[Tensor]:
    """The tensors, each divided by its norm."""
    norms = scalars(inverse_norms, gram(tensors), size=len(tensors), constants=(1e-9,))
    return [tensor * norms[at] for at, tensor in enumerate(tensors)]


@pytest.mark.usefixtures("small_tiles")
class TestOfOneTensor:
    @pytest.mark.parametrize("shape", [(1,), (0, 3), (7, 9), (1, 4000), (5, 3, 2, 2)])
    @pytest.mark.parametrize("workers", [1, 3])
    def test_units_added(self, bench: Bench, shape: tuple[int, ...], workers: int) -> None:
        a, b = numbers(*shape), numbers(*shape, seed=1)
        first, second = unit(bench.leaf(a), bench.leaf(b))
        bench.outputs["w"] = first + second
        norms = [max(float(np.linalg.norm(x.astype(np.float64).ravel())), 1e-9) for x in (a, b)]
        expected = a.astype(np.float64) / norms[0] + b.astype(np.float64) / norms[1]
        np.testing.assert_allclose(bench.run(workers=workers)["w"], expected, rtol=3e-7, atol=1e-7)

    def test_of_a_difference_in_sixteen_bits(self, bench: Bench) -> None:
        a, b = numbers(50, 40, dtype=np.float16), numbers(50, 40, seed=1, dtype=np.float16)
        difference = bench.leaf(a) - bench.leaf(b)
        cut = kth_magnitudes([difference], [300])
        kept = abs(difference).at_least(cut[0])
        bench.outputs["w"] = difference * kept
        d = a.astype(np.float32) - b.astype(np.float32)
        expected = np.where(np.abs(d) >= np.sort(np.abs(d).ravel())[-300], d, 0)
        np.testing.assert_array_equal(bench.run()["w"].astype(np.float32), expected)

    def test_operations_with_numbers(self, bench: Bench) -> None:
        a = numbers(9, 5)
        leaf = bench.leaf(a)
        least = extremes([leaf])[0]
        total = sums([leaf])[0]
        bench.outputs |= {
            "add": leaf + total,
            "divide": leaf / total,
            "above": leaf.above(least),
            "equals": leaf.equals(least),
            "minimum": leaf.minimum(total),
            "maximum": leaf.maximum(0.25),
            "negative": -leaf - 1.5,
        }
        found = bench.run()
        number = np.float32(a.astype(np.float64).sum())
        np.testing.assert_array_equal(found["add"], a + number)
        np.testing.assert_array_equal(found["divide"], a / number)
        np.testing.assert_array_equal(found["above"], (a > a.min()).astype(np.float32))
        np.testing.assert_array_equal(found["equals"], (a == a.min()).astype(np.float32))
        np.testing.assert_array_equal(found["minimum"], np.minimum(a, number))
        np.testing.assert_array_equal(found["maximum"], np.maximum(a, np.float32(0.25)))
        np.testing.assert_array_equal(found["negative"], -a - np.float32(1.5))

    def test_two_stages(self, bench: Bench) -> None:
        """A sum of what a threshold leaves, and the same threshold in the result."""
        a = numbers(60, 70)
        leaf = bench.leaf(a)
        kept = leaf * abs(leaf).at_least(kth_magnitudes([leaf], [100])[0])
        bench.outputs["w"] = kept / sums([abs(kept)])[0]
        mask = np.abs(a) >= np.sort(np.abs(a).ravel())[-100]
        expected = a * mask / np.float32((np.abs(a) * mask).astype(np.float64).sum())
        np.testing.assert_allclose(bench.run()["w"], expected, rtol=2e-7)


@pytest.mark.usefixtures("small_tiles")
class TestOfRowsAndColumns:
    def test_rows_of_unit_length(self, bench: Bench) -> None:
        a = numbers(70, 6, 5)
        leaf = bench.leaf(a)
        norms = scalars(inverse_row_norms, row_products([leaf]), size=70).reshape(70, 1, 1)
        bench.outputs["w"] = leaf * norms.cast(DType.F32)
        expected = a / np.sqrt((a.astype(np.float64) ** 2).sum((1, 2), keepdims=True))
        np.testing.assert_allclose(bench.run()["w"], expected, rtol=3e-7)

    def test_columns_of_unit_length(self, bench: Bench) -> None:
        a = numbers(70, 6, 5)
        leaf = bench.leaf(a)
        norms = scalars(inverse_row_norms, column_products([leaf]), size=30).reshape(1, 6, 5)
        bench.outputs["w"] = leaf * norms.cast(DType.F32)
        expected = a / np.sqrt((a.astype(np.float64) ** 2).sum(0, keepdims=True))
        np.testing.assert_allclose(bench.run()["w"], expected, rtol=3e-7)

    @pytest.mark.parametrize("shape", [(0, 3), (3, 0), (0,)])
    def test_of_nothing(self, bench: Bench, shape: tuple[int, ...]) -> None:
        leaf = bench.leaf(numbers(*shape))
        bench.outputs |= {"rows": row_products([leaf]), "columns": column_products([leaf])}
        found = bench.run()
        assert found["rows"].shape == (shape[0], 1, 1)
        assert not found["rows"].any()
        assert not found["columns"].any()

    def test_products_of_two(self, bench: Bench) -> None:
        a, b = numbers(70, 5), numbers(70, 5, seed=1)
        pair = [bench.leaf(a), bench.leaf(b)]
        bench.outputs |= {"rows": row_products(pair), "columns": column_products(pair)}
        found = bench.run()
        both = np.stack([a, b]).astype(np.float64)
        np.testing.assert_allclose(found["rows"], np.einsum("irc,jrc->rij", both, both), rtol=1e-12)
        np.testing.assert_allclose(found["columns"], np.einsum("irc,jrc->cij", both, both), rtol=1e-12)


@pytest.mark.usefixtures("small_tiles")
class TestThroughLayouts:
    def test_of_joined_tensors(self, bench: Bench) -> None:
        a, b, c = numbers(6, 4), numbers(2, 4, seed=1), numbers(8, 4, seed=2)
        joined = concatenated([bench.leaf(a), bench.leaf(b)], 0)
        first, second = unit(joined, bench.leaf(c))
        bench.outputs["w"] = first - second
        regions = bench.plan().regions
        assert len(regions) == 2
        assert all(value.nbytes <= 32 for region in regions for value in region.held)
        whole = np.concatenate([a, b]).astype(np.float64)
        expected = whole / np.linalg.norm(whole) - c / np.linalg.norm(c.astype(np.float64))
        np.testing.assert_allclose(bench.run()["w"], expected, rtol=1e-6, atol=1e-7)

    def test_of_transposed_tensors(self, bench: Bench) -> None:
        a, b = numbers(30, 20), numbers(20, 30, seed=1)
        first, second = unit(bench.leaf(a).transposed, bench.leaf(b))
        bench.outputs["w"] = first + second
        (region,) = bench.plan().regions
        assert all(value.nbytes <= 32 for value in region.held)
        expected = a.T / np.linalg.norm(a.astype(np.float64)) + b / np.linalg.norm(b.astype(np.float64))
        np.testing.assert_allclose(bench.run()["w"], expected, rtol=1e-6, atol=1e-7)

    def test_slices_of_the_result(self, bench: Bench) -> None:
        a, b = numbers(12, 20), numbers(12, 20, seed=1)
        first, second = unit(bench.leaf(a), bench.leaf(b))
        whole = first + second
        bench.outputs |= {"top": whole.part(0, 0, 5), "right": whole.part(1, 15, 20)}
        assert all(value.nbytes <= 32 for region in bench.plan().regions for value in region.held)
        expected = a / np.linalg.norm(a.astype(np.float64)) + b / np.linalg.norm(b.astype(np.float64))
        found = bench.run()
        np.testing.assert_allclose(found["top"], expected[:5], rtol=1e-6, atol=1e-7)
        np.testing.assert_allclose(found["right"], expected[:, 15:], rtol=1e-6, atol=1e-7)


@pytest.mark.usefixtures("small_tiles")
class TestOverManyTensors:
    @pytest.mark.parametrize("workers", [1, 3])
    def test_one_threshold_for_all(self, bench: Bench, workers: int) -> None:
        arrays = [numbers(30, 4), numbers(1, seed=1), numbers(0, 3), numbers(200, seed=2)]
        leaves = [bench.leaf(array) for array in arrays]
        cut = joint_kth_magnitudes([[leaf] for leaf in leaves], [Rank(0, 25)])
        for at, leaf in enumerate(leaves):
            bench.outputs[str(at)] = leaf * abs(leaf).at_least(cut[0])
        (task,) = bench.plan(workers=workers).decisions
        assert isinstance(task, JointTask)
        assert task.workers == workers
        threshold = np.sort(np.concatenate([np.abs(a).ravel() for a in arrays]))[-25]
        found = bench.run(workers=workers)
        for at, array in enumerate(arrays):
            expected = np.where(np.abs(array) >= threshold, array, np.float32(0))
            np.testing.assert_array_equal(found[str(at)], expected)

    def test_sums_do_not_depend_on_workers(self, bench: Bench) -> None:
        groups = [[bench.leaf(numbers(n, 3)), bench.leaf(numbers(n, 3, seed=1))] for n in (50, 70, 2)]
        products = joint_gram(groups)
        for at, (first, second) in enumerate(groups):
            bench.outputs[str(at)] = first * products[1] + second * products[0]
        one, three = bench.run(workers=1), bench.run(workers=3)
        for name, array in one.items():
            np.testing.assert_array_equal(array, three[name])
