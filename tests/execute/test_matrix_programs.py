"""Graphs of products, norms and views carried out by the real executor, against numpy in float64."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mergec.diagnostics import MergecError
from mergec.ir.dtype import DType
from mergec.ir.expression import Tensor, concatenated
from mergec.schedule import memory
from tests.execute.bench import Bench

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]


@pytest.fixture
def bench() -> Bench:
    return Bench()


def numbers(*shape: int, seed: int = 0, dtype: Any = np.float32) -> Array:
    return np.random.default_rng([seed, *shape]).standard_normal(shape).astype(dtype)


def wide(array: Array) -> Array:
    return array.astype(np.float64)


def close(found: Array, expected: Array) -> None:
    assert found.shape == expected.shape
    np.testing.assert_allclose(wide(found), wide(expected), rtol=3e-7, atol=3e-7 * np.abs(expected).max())


@pytest.mark.usefixtures("small_tiles")
class TestFolds:
    @pytest.mark.parametrize("rows", [1, 31, 32, 33, 200])
    @pytest.mark.parametrize("workers", [1, 3])
    def test_low_rank_product_added(self, bench: Bench, rows: int, workers: int) -> None:
        w, a, b = numbers(rows, 24), numbers(4, 24, seed=1), numbers(rows, 4, seed=2)
        bench.outputs["w"] = bench.leaf(w) + (bench.leaf(b) @ bench.leaf(a)) * 0.5
        close(bench.run(workers=workers)["w"], w + 0.5 * (wide(b) @ wide(a)))

    def test_the_product_is_rounded_once_before_it_is_scaled_and_added(self, bench: Bench) -> None:
        w, a, b = numbers(40, 24), numbers(4, 24, seed=1), numbers(40, 4, seed=2)
        bench.outputs["w"] = bench.leaf(w) + (bench.leaf(b) @ bench.leaf(a)) * 0.3
        expected = w + (wide(b) @ wide(a)).astype(np.float32) * np.float32(0.3)
        np.testing.assert_array_equal(bench.run()["w"], expected)

    def test_transposed_product_streams_and_holds_small_factors_only(self, bench: Bench) -> None:
        w, a, b = numbers(300, 200), numbers(4, 300, seed=1), numbers(200, 4, seed=2)
        bench.outputs["w"] = bench.leaf(w) + (bench.leaf(b) @ bench.leaf(a)).transposed * 0.5
        (region,) = bench.plan().regions
        assert [value.nbytes for value in region.held] == [4 * 200 * 8]
        assert not any(leaf.is_turned for leaf in region.leaves if leaf.view.shape == (300, 200))
        close(bench.run()["w"], w + 0.5 * (wide(b) @ wide(a)).T)

    def test_convolution(self, bench: Bench) -> None:
        w, a, b = numbers(40, 6, 3, 3), numbers(4, 6, 3, 3, seed=1), numbers(40, 4, 1, 1, seed=2)
        base = bench.leaf(w)
        product = bench.leaf(b).flattened() @ bench.leaf(a).flattened()
        bench.outputs["w"] = base + product.reshape(*base.shape)
        (region,) = bench.plan().regions
        assert all(value.nbytes <= 4 * 54 * 8 for value in region.held)
        expected = w + (wide(b).reshape(40, 4) @ wide(a).reshape(4, 54)).reshape(w.shape)
        close(bench.run()["w"], expected)

    def test_experts_of_a_stacked_parameter(self, bench: Bench) -> None:
        w, a, b = numbers(3, 40, 24), numbers(3, 4, 24, seed=1), numbers(40, 4, 3, seed=2)
        base, left, right = bench.leaf(w), bench.leaf(b).permute(2, 0, 1), bench.leaf(a)

        def expert(of: Tensor, number: int) -> Tensor:
            part = of.part(0, number, number + 1)
            return part.reshape(*part.shape[1:])

        folded = [expert(base, e) + expert(left, e) @ expert(right, e) for e in range(3)]
        bench.outputs["w"] = concatenated([one.reshape(1, 40, 24) for one in folded], 0)
        assert len(bench.plan().regions) == 3
        expected = wide(w) + np.einsum("ore,eri->eoi", wide(b), wide(a))
        close(bench.run()["w"], expected)

    @pytest.mark.parametrize("transposed", [False, True])
    def test_weight_decomposition(self, bench: Bench, *, transposed: bool) -> None:
        w, a, b, m = numbers(40, 24), numbers(4, 24, seed=1), numbers(40, 4, seed=2), numbers(40, seed=3)
        stored = np.ascontiguousarray(w.T) if transposed else w
        base = bench.leaf(stored).transposed if transposed else bench.leaf(stored)
        value = base + bench.leaf(b) @ bench.leaf(a)
        result = value * (bench.leaf(m).reshape(40, 1) / value.row_norm())
        bench.outputs["w"] = result.transposed if transposed else result
        v = wide(w) + wide(b) @ wide(a)
        expected = v * (wide(m) / np.linalg.norm(v, axis=1))[:, None]
        close(bench.run()["w"], expected.T if transposed else expected)

    def test_rows_and_columns_scaled(self, bench: Bench) -> None:
        w, rows, columns = numbers(40, 24), numbers(40, 1, seed=1), numbers(1, 24, seed=2)
        bench.outputs["w"] = bench.leaf(w) * bench.leaf(rows) * bench.leaf(columns)
        close(bench.run()["w"], w * rows * columns)

    def test_scaled_rows_and_columns_beside_a_product(self, bench: Bench) -> None:
        w, rows, columns = numbers(40, 24), numbers(40, 1, seed=1), numbers(1, 24, seed=2)
        a, b = numbers(4, 24, seed=1), numbers(40, 4, seed=2)
        value = bench.leaf(w) + bench.leaf(b) @ bench.leaf(a)
        bench.outputs["w"] = value * bench.leaf(rows) * bench.leaf(columns)
        close(bench.run()["w"], (w + wide(b) @ wide(a)) * rows * columns)

    def test_kronecker_product(self, bench: Bench) -> None:
        one, two = numbers(5, 7), numbers(8, 3, seed=1)
        product = bench.leaf(one).reshape(5, 1, 7, 1) * bench.leaf(two).reshape(1, 8, 1, 3)
        bench.outputs["w"] = product.reshape(40, 21)
        (region,) = bench.plan().regions
        assert not region.held
        np.testing.assert_array_equal(bench.run()["w"], np.kron(one, two))

    def test_kronecker_product_of_a_product_added_to_a_weight(self, bench: Bench) -> None:
        w, one, two = numbers(40, 21), numbers(5, 2), numbers(2, 7, seed=1)
        small = numbers(8, 3, seed=2)
        left = (bench.leaf(one) @ bench.leaf(two)).reshape(5, 1, 7, 1)
        delta = left * bench.leaf(small).reshape(1, 8, 1, 3)
        bench.outputs["w"] = bench.leaf(w) + delta.reshape(40, 21)
        (region,) = bench.plan().regions
        assert [value.nbytes for value in region.held] == [5 * 7 * 4]
        close(bench.run()["w"], w + np.kron(wide(one) @ wide(two), small))

    @pytest.mark.parametrize("terms", [0, 5])
    def test_blocks_rotated(self, bench: Bench, terms: int) -> None:
        w, entries = numbers(40, 12), numbers(3, 6, seed=1) * np.float32(0.1)
        rotation = bench.leaf(entries).skew(4).cayley(terms)
        bench.outputs["w"] = bench.leaf(w) @ rotation.permute(0, 2, 1)
        q = np.zeros((3, 4, 4))
        q[:, *np.triu_indices(4, 1)] = entries
        q -= q.transpose(0, 2, 1)
        eye = np.eye(4)
        exact = np.array([(eye + one) @ np.linalg.inv(eye - one) for one in q])
        series = eye + 2 * q + 2 * q @ q + 2 * q @ q @ q + q @ q @ q @ q
        turned = [wide(w)[:, 4 * i : 4 * i + 4] @ (series if terms else exact)[i].T for i in range(3)]
        close(bench.run()["w"], np.concatenate(turned, axis=1))

    def test_columns_in_another_order(self, bench: Bench) -> None:
        w = numbers(40, 12)
        order = [3, 1, 0, 2, *range(4, 12)]
        bench.outputs["w"] = bench.leaf(w).columns(order)
        np.testing.assert_array_equal(bench.run()["w"], w[:, order])


@pytest.mark.usefixtures("small_tiles")
class TestReductions:
    @pytest.mark.parametrize("rows", [1, 31, 32, 33, 70_000])
    def test_mean_of_rows(self, bench: Bench, rows: int) -> None:
        w = numbers(rows, 5)
        bench.outputs["w"] = bench.leaf(w).mean_rows()
        np.testing.assert_array_equal(
            bench.run()["w"], wide(w).mean(axis=0, keepdims=True).astype(np.float32)
        )

    def test_rows_stream_whatever_they_are_made_of(self, bench: Bench) -> None:
        """In less memory than they take, through a product and a repeated row."""
        w, a, b, row = numbers(600_000, 8), numbers(4, 8, seed=1), numbers(600_000, 4, seed=2), numbers(1, 8)
        value = (bench.leaf(w) + bench.leaf(b) @ bench.leaf(a)) * bench.leaf(row)
        base = numbers(3, 8, seed=5)
        bench.outputs["w"] = concatenated([bench.leaf(base), value.mean_rows()], 0)
        expected = ((w + wide(b) @ wide(a)) * row).mean(axis=0, keepdims=True)
        close(bench.run(workers=2)["w"], np.concatenate([base, expected]))
        assert bench.plan().memory.worker_bytes < w.nbytes

    def test_the_plan_counts_what_a_reduction_reads(self, bench: Bench) -> None:
        w = numbers(100, 8)
        bench.outputs["w"] = bench.leaf(w).mean_rows()
        assert bench.plan().bytes_read == w.nbytes


class TestGrids:
    @pytest.mark.parametrize("mode", ["bicubic", "bilinear", "nearest"])
    @pytest.mark.parametrize(("old", "new"), [((4, 4), (6, 6)), ((6, 4), (3, 5)), ((3, 3), (3, 3))])
    def test_as_vision_transformers_resize_them(
        self, bench: Bench, mode: str, old: tuple[int, int], new: tuple[int, int]
    ) -> None:
        w = numbers(old[0] * old[1], 7)
        bench.outputs["w"] = bench.leaf(w).resize_grid(old, new, mode)
        grid = torch.tensor(w).reshape(1, *old, 7).permute(0, 3, 1, 2)
        align = None if mode == "nearest" else False
        expected = torch.nn.functional.interpolate(grid, new, mode=mode, align_corners=align)
        np.testing.assert_array_equal(bench.run()["w"], expected.permute(0, 2, 3, 1).reshape(-1, 7).numpy())


@pytest.mark.usefixtures("small_tiles")
class TestValuesThatMustBeFinite:
    @pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
    @pytest.mark.parametrize("factor", ["streamed", "held"])
    def test_the_build_stops_at_the_leaf(self, bench: Bench, bad: float, factor: str) -> None:
        w, a, b = numbers(40, 24), numbers(4, 24, seed=1), numbers(40, 4, seed=2)
        (b if factor == "streamed" else a)[2, 3] = bad
        bench.outputs["w"] = bench.leaf(w) + bench.leaf(b).finite() @ bench.leaf(a).finite()
        with pytest.raises(MergecError) as caught:
            bench.run()
        (found,) = caught.value.diagnostics
        assert found.code == "MC0702"
        assert getattr(found, "file", None) == (1 if factor == "streamed" else 2)

    def test_a_sum_that_overflows_is_none(self, bench: Bench) -> None:
        w = np.full((40, 24), 3e38, np.float32)
        bench.outputs["w"] = bench.leaf(w).finite()
        np.testing.assert_array_equal(bench.run()["w"], w)


@st.composite
def folded(draw: st.DrawFn) -> tuple[Bench, Tensor, Array]:
    """A tensor computed by random products, norms, views and arithmetic, and its values in float64."""
    bench = Bench()
    seeds = iter(range(1, 100))
    rows, columns = draw(st.integers(1, 70)), draw(st.integers(1, 12))

    def fresh(*shape: int) -> tuple[Tensor, Array]:
        values = numbers(*shape, seed=next(seeds))
        return bench.leaf(values), wide(values)

    made, value = fresh(rows, columns)
    for _ in range(draw(st.integers(1, 5))):
        kind = draw(st.sampled_from(["add", "product", "times", "transpose", "norm", "reshape", "join"]))
        n, c = value.shape
        if kind == "add":
            other, its = fresh(n, c)
            made, value = made + other * 0.5, value + its * 0.5
        elif kind == "product":
            (left, x), (right, y) = fresh(n, 3), fresh(3, c)
            made, value = made + left @ right, value + x @ y
        elif kind == "times":
            shape = draw(st.sampled_from([(n, 1), (1, c), (n, c)]))
            other, its = fresh(*shape)
            made, value = made * other, value * its
        elif kind == "transpose":
            made, value = made.transposed, value.T
        elif kind == "norm":
            made = made / made.row_norm()
            value = value / np.linalg.norm(value, axis=1, keepdims=True)
        elif kind == "reshape":
            made = made.reshape(1, n, c).reshape(n * c, 1).reshape(n, c)
        else:
            other, its = fresh(3, c)
            made, value = concatenated([made, other], 0), np.concatenate([value, its])
    return bench, made, value


@settings(max_examples=150, deadline=None)
@given(folded(), st.sampled_from([1, 2]), st.sampled_from([16, 64, 4096]))
def test_any_expression_gives_its_values_whatever_the_tile(
    made: tuple[Bench, Tensor, Array], workers: int, tile: int
) -> None:
    bench, tensor, expected = made
    bench.outputs["w"] = tensor.cast(DType.F32)
    with pytest.MonkeyPatch.context() as patch:
        first = bench.run(workers=1)["w"]
        patch.setattr(memory, "LARGEST_TILE", tile)
        patch.setattr(memory, "SMALLEST_TILE", tile)
        found = bench.run(workers=workers)["w"]
    np.testing.assert_array_equal(found, first)
    scale = np.abs(expected).max() + 1e-30
    np.testing.assert_allclose(wide(found) / scale, expected / scale, atol=2e-5)
