"""Graphs with rows and axes gathered by decided indices, carried out by the real executor, against numpy."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mergec.execute import computers
from mergec.execute.needs_torch import needs_torch
from mergec.ir.axis_index import AxisIndex, IndexFactor
from mergec.ir.expression import Tensor, concatenated
from mergec.ir.permutation_primitives import GIVEN
from mergec.schedule import streams
from tests.execute.bench import Bench

if TYPE_CHECKING:
    from tests.execute.bench import Array


@pytest.fixture
def bench() -> Bench:
    return Bench()


def numbers(*shape: int, seed: int = 0) -> Array:
    return np.random.default_rng([seed, *shape]).standard_normal(shape).astype(np.float32)


def order(size: int, seed: int = 1) -> Array:
    return np.random.default_rng([seed, size]).permutation(size).astype(np.int32)


def index(bench: Bench, vector: Array) -> Tensor:
    """The axis index that is a given permutation."""
    node = bench.graph.add(GIVEN, (), (vector.astype("<i4").tobytes(),))
    return Tensor(bench.graph, node).axis_index(0, AxisIndex(((IndexFactor(len(vector), 0),),)))


@pytest.fixture
def rows_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows are read one by one, however short they are."""
    monkeypatch.setattr(streams, "_SHORT_ROW", 0)


@pytest.mark.usefixtures("small_tiles")
@pytest.mark.parametrize("workers", [1, 3])
class TestRows:
    @pytest.mark.usefixtures("rows_are_read")
    def test_of_a_file(self, bench: Bench, workers: int) -> None:
        value, by = numbers(100, 3), order(100)
        bench.outputs["out"] = bench.leaf(value).gathered(index(bench, by), 0)
        (region,) = bench.plan().regions
        assert region.leaves[0].picked is not None
        assert not region.leaves[0].is_held
        np.testing.assert_array_equal(bench.run(workers=workers)["out"], value[by])

    def test_short_ones_are_held(self, bench: Bench, workers: int) -> None:
        value, by = numbers(100), order(100)
        bench.outputs["out"] = bench.leaf(value).gathered(index(bench, by), 0)
        assert bench.plan().regions[0].leaves[0].is_held
        np.testing.assert_array_equal(bench.run(workers=workers)["out"], value[by])

    @pytest.mark.usefixtures("rows_are_read")
    def test_of_several_files_one_below_the_other(self, bench: Bench, workers: int) -> None:
        parts = [numbers(5, 4, seed=1), numbers(9, 4, seed=2), numbers(3, 4, seed=3)]
        by = order(17)
        rows = concatenated([bench.leaf(part) for part in parts], 0)
        bench.outputs["out"] = rows.gathered(index(bench, by), 0)
        (region,) = bench.plan().regions
        assert region.leaves[0].picked is not None
        assert len(region.leaves[0].picked.parts) == 3
        np.testing.assert_array_equal(bench.run(workers=workers)["out"], np.concatenate(parts)[by])

    def test_of_a_transposed_tensor(self, bench: Bench, workers: int) -> None:
        value, by = numbers(7, 50), order(50)
        bench.outputs["out"] = bench.leaf(value).transposed.gathered(index(bench, by), 0)
        np.testing.assert_array_equal(bench.run(workers=workers)["out"], value.T[by])

    def test_picks_go_below_arithmetic(self, bench: Bench, workers: int) -> None:
        a, b, left, right, by = (
            numbers(64, 6),
            numbers(64, 6, seed=2),
            numbers(64, 2),
            numbers(2, 6),
            order(64),
        )
        folded = bench.leaf(a) + 0.5 * (bench.leaf(left) @ bench.leaf(right)) - bench.leaf(b)
        bench.outputs["out"] = folded.gathered(index(bench, by), 0)
        plan = bench.plan()
        picked = [leaf for leaf in plan.regions[0].leaves if leaf.picked is not None]
        assert len(picked) == 3, "of a, left and b; right is held"
        bench.outputs = {"out": folded}
        whole = bench.run(workers=workers)["out"]
        bench.outputs = {"out": folded.gathered(index(bench, by), 0)}
        np.testing.assert_array_equal(bench.run(workers=workers)["out"], whole[by])

    def test_a_row_that_stands_for_all_is_not_picked(self, bench: Bench, workers: int) -> None:
        value, scale, by = numbers(40, 3), numbers(1, 3), order(40)
        product = bench.leaf(value) * bench.leaf(scale)
        bench.outputs["out"] = product.gathered(index(bench, by), 0)
        np.testing.assert_array_equal(bench.run(workers=workers)["out"], (value * scale)[by])


@pytest.mark.usefixtures("small_tiles")
class TestAxes:
    @pytest.mark.parametrize("axis", [1, 2])
    def test_an_inner_axis(self, bench: Bench, axis: int) -> None:
        value = numbers(40, 6, 5)
        by = order(value.shape[axis])
        bench.outputs["out"] = bench.leaf(value).gathered(index(bench, by), axis)
        np.testing.assert_array_equal(bench.run()["out"], np.take(value, by, axis))

    def test_a_slice_of_the_gathered_axis_gathers_less(self, bench: Bench) -> None:
        value, by = numbers(8, 30), order(30)
        bench.outputs["out"] = bench.leaf(value).gathered(index(bench, by), 1).part(1, 5, 9)
        np.testing.assert_array_equal(bench.run()["out"], value[:, by[5:9]])

    @pytest.mark.parametrize("axis", [0, 1])
    def test_a_slice_of_picked_rows(self, bench: Bench, axis: int) -> None:
        value, by = numbers(30, 8), order(30)
        bench.outputs["out"] = bench.leaf(value).gathered(index(bench, by), 0).part(axis, 2, 6)
        expected = value[by][2:6] if axis == 0 else value[by][:, 2:6]
        np.testing.assert_array_equal(bench.run()["out"], expected)

    def test_the_transpose_of_a_gather(self, bench: Bench) -> None:
        value, by = numbers(30, 8), order(30)
        turned = bench.leaf(value).gathered(index(bench, by), 0).transposed
        bench.outputs["out"] = turned + bench.leaf(numbers(8, 30))
        np.testing.assert_array_equal(bench.run()["out"], value[by].T + numbers(8, 30))

    def test_a_gather_that_a_product_holds(self, bench: Bench) -> None:
        rows, held, by = numbers(50, 4), numbers(4, 6), order(4)
        bench.outputs["out"] = bench.leaf(rows) @ bench.leaf(held).gathered(index(bench, by), 0)
        np.testing.assert_allclose(bench.run()["out"], rows @ held[by], rtol=1e-5, atol=1e-6)


def test_nan_keeps_its_bits(bench: Bench) -> None:
    bits = np.array([0x7FC00001, 0xFFA00002, 0x3F800000, 0x7F800000], np.uint32)
    value, by = bits.view(np.float32).reshape(4, 1), order(4)
    bench.outputs["out"] = bench.leaf(value).gathered(index(bench, by), 0)
    np.testing.assert_array_equal(bench.run()["out"].view(np.uint32)[:, 0], bits[by])


def test_indices_are_held_and_counted(bench: Bench) -> None:
    value, by = numbers(3000, 2), order(3000)
    bench.outputs["out"] = bench.leaf(value).gathered(index(bench, by), 0)
    plan = bench.plan()
    assert len(plan.decisions) == 1
    assert not plan.matches
    assert sum(held.nbytes for held in plan.regions[0].held) == 4 * 3000 + value.nbytes


def test_moving_needs_no_torch(bench: Bench) -> None:
    value, rows, columns = numbers(30, 8), order(30), order(8)
    moved = bench.leaf(value).gathered(index(bench, rows), 0).gathered(index(bench, columns), 1)
    bench.outputs["out"] = bench.leaf(value) - 0.5 * moved
    assert not needs_torch(bench.plan().regions)
    bench.outputs["out"] = bench.leaf(value).transposed.gathered(index(bench, columns), 0)
    assert needs_torch(bench.plan().regions), "files hold it in another order"


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_any_expression_gathered_is_the_gather_of_it(data: st.DataObject) -> None:
    bench = Bench()
    rows, columns = data.draw(st.integers(1, 70)), data.draw(st.integers(1, 9))
    arrays: list[Array] = []

    def build(depth: int) -> tuple[Tensor, Array]:
        kind = data.draw(
            st.sampled_from(["leaf", "add", "scale", "rows", "columns", "join"] if depth else ["leaf"])
        )
        if kind == "leaf":
            arrays.append(numbers(rows, columns, seed=len(arrays)))
            return bench.leaf(arrays[-1]), arrays[-1]
        tensor, array = build(depth - 1)
        if kind == "add":
            other, values = build(depth - 1)
            return tensor + other, array + values
        if kind == "scale":
            return 0.5 * tensor, array * np.float32(0.5)
        if kind == "join":
            cut = data.draw(st.integers(0, rows))
            parts = [part for part in (tensor.part(0, cut, rows), tensor.part(0, 0, cut)) if part.shape[0]]
            return concatenated(parts, 0), np.concatenate([array[cut:], array[:cut]])
        axis = ["rows", "columns"].index(kind)
        by = order(array.shape[axis], seed=data.draw(st.integers(0, 9)))
        return tensor.gathered(index(bench, by), axis), np.take(array, by, axis)

    tensor, expected = build(4)
    bench.outputs["out"] = tensor
    workers = data.draw(st.sampled_from([1, 2]))
    np.testing.assert_array_equal(bench.run(workers=workers)["out"], expected)
    with pytest.MonkeyPatch.context() as torch_only:
        torch_only.setattr(computers, "needs_torch", lambda _: True)
        np.testing.assert_array_equal(bench.run(workers=workers)["out"], expected)
