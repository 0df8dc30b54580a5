"""What the workers do, from small recipes built for real."""

from __future__ import annotations

import errno
import itertools
import os
import threading
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import mergec
from mergec.execute.box import boxes, runs
from mergec.ir.dtype import DType
from mergec.ir.strided_view import StridedView
from mergec.schedule import memory
from tests.conftest import bf16, read_checkpoint

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

    from tests.conftest import Workbench

    Array = NDArray[Any]


def numbers(*shape: int, seed: int = 0) -> Array:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def values(bench: Workbench, model: Any, **output: object) -> dict[str, Array]:
    return {name: tensor.values for name, tensor in bench.build(model, **output).items()}


class TestTurnedReads:
    @pytest.mark.parametrize("shape", [(1, 1), (3, 5), (1, 7), (1000, 3), (700, 900)])
    def test_a_transposed_tensor(self, bench: Workbench, shape: tuple[int, int]) -> None:
        array = numbers(*shape)
        bench.source("a", {"w": array}, rename=[{"from": "w", "to": "t", "transpose": [1, 0]}])
        np.testing.assert_array_equal(values(bench, "a")["t"], array.T)

    @settings(max_examples=25, deadline=None)
    @given(data=st.data())
    def test_axes_in_any_order_beside_one_in_its_own(
        self, new_bench: Callable[[], Workbench], data: st.DataObject
    ) -> None:
        rank = data.draw(st.integers(2, 4))
        order = data.draw(st.permutations(range(rank)))
        shape = tuple(data.draw(st.integers(1, 9)) for _ in range(rank))
        turned = numbers(*shape)
        straight = numbers(*(shape[axis] for axis in order), seed=1)
        bench = new_bench()
        bench.source("a", {"w": turned}, rename=[{"from": "w", "to": "t", "transpose": list(order)}])
        bench.source("b", {"t": straight})
        made = values(bench, "0.5 * a + 0.5 * b")["t"]
        half = np.float32(0.5)
        np.testing.assert_array_equal(made, turned.transpose(order) * half + straight * half)

    def test_in_the_smallest_tiles(self, bench: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(memory, "LARGEST_TILE", 64)
        monkeypatch.setattr(memory, "SMALLEST_TILE", 64)
        array, other = numbers(50, 70), numbers(70, 50, seed=1)
        bench.source("a", {"w": array}, rename=[{"from": "w", "to": "t", "transpose": [1, 0]}])
        bench.source("b", {"t": other})
        recipe = bench.recipe("0.5 * a + 0.5 * b")
        (region,) = recipe.plan().regions
        assert len(list(boxes(region.target.shape, region.tile))) > 10
        half = np.float32(0.5)
        np.testing.assert_array_equal(values(bench, "0.5 * a + 0.5 * b")["t"], array.T * half + other * half)


class TestJoinsAndSplits:
    @pytest.mark.parametrize("dim", [0, 1, -1])
    def test_a_split_tensor(self, bench: Workbench, dim: int) -> None:
        array = numbers(6, 9)
        rule = {"from": "qkv", "to": ["q", "k", "v"], "split": {"dim": dim}}
        bench.source("a", {"qkv": array}, rename=[rule])
        made = values(bench, "a")
        for name, part in zip("qkv", np.split(array, 3, axis=dim), strict=True):
            np.testing.assert_array_equal(made[name], part)

    @pytest.mark.parametrize("dim", [0, 1])
    def test_joined_tensors_beside_a_whole_one(self, bench: Workbench, dim: int) -> None:
        parts = [numbers(4, 4, seed=i) for i in range(3)]
        whole = numbers(*((12, 4) if dim == 0 else (4, 12)), seed=9)
        rule = {"from": ["q", "k", "v"], "to": "qkv", "concat": {"dim": dim}}
        bench.source("a", dict(zip("qkv", parts, strict=True)), rename=[rule])
        bench.source("b", {"qkv": whole})
        half = np.float32(0.5)
        expected = np.concatenate(parts, axis=dim) * half + whole * half
        np.testing.assert_array_equal(values(bench, "0.5 * a + 0.5 * b")["qkv"], expected)

    def test_joins_at_different_places(self, bench: Workbench) -> None:
        first, second = (numbers(7, 3), numbers(5, 3, seed=1)), (numbers(4, 3, seed=2), numbers(8, 3, seed=3))
        rule = {"from": ["x", "y"], "to": "w", "concat": {"dim": 0}}
        for name, parts in zip("ab", (first, second), strict=True):
            bench.source(name, {"x": parts[0], "y": parts[1]}, rename=[rule])
        half = np.float32(0.5)
        expected = np.concatenate(first) * half + np.concatenate(second) * half
        np.testing.assert_array_equal(values(bench, "0.5 * a + 0.5 * b")["w"], expected)

    @pytest.mark.parametrize("dim", [0, 1, 2])
    def test_stacked_tensors(self, bench: Workbench, dim: int) -> None:
        parts = [numbers(3, 4, seed=i) for i in range(12)]  # 10 comes after 2
        rule = {"from": "e.{e:int}.w", "to": "e.w", "stack": {"over": "e", "dim": dim}}
        bench.source("a", {f"e.{i}.w": part for i, part in enumerate(parts)}, rename=[rule])
        np.testing.assert_array_equal(values(bench, "a")["e.w"], np.stack(parts, axis=dim))

    def test_a_part_turned_and_rounded(self, bench: Workbench) -> None:
        array = numbers(6, 4)
        split = {"from": "w", "to": ["x", "y"], "split": {"dim": 0, "sizes": [2, 4]}}
        turn = {"from": "x", "to": "t", "transpose": [1, 0]}
        bench.source("a", {"w": array}, rename=[split, turn])
        made = values(bench, "a", dtype="bfloat16")
        np.testing.assert_array_equal(made["t"], _bf16(array[:2].T))
        np.testing.assert_array_equal(made["y"], _bf16(array[2:]))


def _bf16(array: Array) -> Array:
    return (bf16(array).bits.astype(np.uint32) << 16).view(np.float32)


class TestCopies:
    @pytest.fixture(autouse=True)
    def _source(self, bench: Workbench) -> None:
        bench.source("a", {"w": numbers(300_000), "ids": np.arange(7)})

    @pytest.mark.parametrize("code", [errno.EXDEV, errno.EINVAL, errno.ENOSYS, errno.EPERM, errno.EIO])
    def test_go_through_memory_where_the_kernel_cannot(
        self, bench: Workbench, code: int, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def refuse(*_: object) -> NoReturn:
            raise OSError(code, os.strerror(code))

        monkeypatch.setattr(os, "copy_file_range", refuse)
        np.testing.assert_array_equal(values(bench, "a")["w"], numbers(300_000))

    def test_go_on_where_the_kernel_stops(self, bench: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
        real = os.copy_file_range
        calls = iter(range(1000))

        def some(source: int, target: int, count: int, start: int, offset: int) -> int:
            if next(calls) > 3:
                raise OSError(errno.EXDEV, "")
            return real(source, target, min(count, 1001), start, offset)

        monkeypatch.setattr(os, "copy_file_range", some)
        np.testing.assert_array_equal(values(bench, "a")["w"], numbers(300_000))

    def test_read_nothing_into_memory(self, bench: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
        def refuse(*_: object) -> NoReturn:
            raise AssertionError

        recipe = bench.recipe("a")
        recipe.check()
        monkeypatch.setattr("mergec.sources.local_file.LocalFile.read_at", refuse)
        np.testing.assert_array_equal(read_checkpoint(recipe.build().path)["ids"].values, np.arange(7))


def test_short_reads_and_writes_are_gone_on_with(bench: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    a, b = numbers(5000), numbers(5000, seed=1)
    bench.source("a", {"w": a})
    bench.source("b", {"w": b})
    recipe = bench.recipe("0.5 * a + 0.5 * b")
    read, write = os.preadv, os.pwrite
    monkeypatch.setattr(
        os, "preadv", lambda fd, buffers, at, *flags: read(fd, [buffers[0][:999]], at, *flags)
    )
    monkeypatch.setattr(os, "pwrite", lambda fd, data, at: write(fd, data[:777], at))
    half = np.float32(0.5)
    np.testing.assert_array_equal(read_checkpoint(recipe.build().path)["w"].values, a * half + b * half)


class TestErrors:
    @pytest.fixture
    def many(self, bench: Workbench) -> Workbench:
        for number, name in enumerate("ab"):
            tensors: dict[str, Array] = {f"h.{i}.w": numbers(1000, seed=number) for i in range(200)}
            bench.source(name, tensors)
        return bench

    @pytest.mark.parametrize("workers", [1, 4])
    def test_of_one_worker_stop_the_others(self, many: Workbench, workers: int) -> None:
        done: list[int] = []
        lock = threading.Lock()

        def fail(tensor: int, _bytes: int) -> None:
            with lock:
                done.append(tensor)
                if len(done) == 5:
                    raise RuntimeError("stop")

        before = set(threading.enumerate())  # libraries of other tests may have left some
        with pytest.raises(RuntimeError, match="stop"):
            many.recipe("0.5 * a + 0.5 * b").build(workers=workers, progress=fail)
        assert len(done) < 200
        assert not many.out.exists()
        assert set(threading.enumerate()) <= before

    def test_integers_are_compared_before_anything_is_computed(self, bench: Workbench) -> None:
        for number, name in enumerate("ab"):
            tensors = {f"h.{i}.w": numbers(10) for i in range(20)}
            bench.source(name, {**tensors, "z.ids": np.arange(4) + number})
        done: list[int] = []
        with pytest.raises(mergec.MergecError) as caught:
            bench.recipe("0.5 * a + 0.5 * b").build(workers=1, progress=lambda t, _: done.append(t))
        assert [error.code for error in caught.value.errors] == ["MC0701"]
        assert done == []

    @pytest.mark.parametrize("workers", [1, 4])
    @pytest.mark.parametrize("at", [0, 5, 300_000, 999_999])
    def test_the_first_difference_is_told_by_its_place_in_the_tensor(
        self, bench: Workbench, at: int, workers: int
    ) -> None:
        ids = np.zeros((1000, 1000), np.int32)
        bench.source("a", {"ids": ids})
        changed = ids.copy()
        changed.flat[at:] = 1
        bench.source("b", {"ids": changed})
        with pytest.raises(mergec.MergecError) as caught:
            bench.recipe("0.5 * a + 0.5 * b").build(workers=workers)
        assert caught.value.errors[0].message.endswith(f"(first at element {at})")

    def test_the_place_counts_in_the_tensor_that_is_written(self, bench: Workbench) -> None:
        ids = np.zeros((6, 8), np.int32)
        changed = ids.copy()
        changed[5, 2] = 1
        rule = {"from": ["x", "y"], "to": "ids", "concat": {"dim": 1}}
        bench.source("a", {"x": ids[:, :3].copy(), "y": ids[:, 3:].copy()}, rename=[rule])
        bench.source("b", {"ids": changed})
        with pytest.raises(mergec.MergecError) as caught:
            bench.recipe("0.5 * a + 0.5 * b").build(workers=1)
        assert caught.value.errors[0].message.endswith(f"(first at element {5 * 8 + 2})")


def test_progress_tells_every_byte(bench: Workbench, tmp_path: Path) -> None:
    bench.source("a", {"w": numbers(700_000), "v": numbers(3)})
    bench.source("b", {"w": numbers(700_000), "v": numbers(3)})
    told: list[int] = []
    made = bench.recipe("0.5 * a + 0.5 * b").build(
        out=tmp_path / "there", progress=lambda _, nbytes: told.append(nbytes)
    )
    assert sum(told) == sum(tensor.nbytes for tensor in made.plan.layout.tensors)


def test_the_runs_of_a_strided_view_are_made_as_they_are_asked_for() -> None:
    view = StridedView(0, 8, DType.F16, (3, 1 << 40), (1 << 50, 2))
    first = list(itertools.islice(runs(view), 3))
    assert first == [(8, 2), (12, 2), (16, 2)]


def test_runs_go_through_a_box_in_row_major_order() -> None:
    view = StridedView(0, 100, DType.F32, (2, 2, 3), (60, 0, 1))
    assert list(runs(view)) == [(100, 12), (100, 12), (340, 12), (340, 12)]
    assert list(runs(view._replace(shape=(), strides=()))) == [(100, 4)]
