from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mergec.ir.primitive import ROW_BLOCK
from mergec.ir.reduction_primitives import (
    COUNTED_AT_ONCE,
    REDUCTION_PRIMITIVES,
    SCALARS,
    SUM_BLOCK,
    Rank,
)
from mergec.kernels.reductions import REDUCTIONS
from mergec.kernels.table import KERNELS

if TYPE_CHECKING:
    from collections.abc import Sequence


def numbers(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng([seed, *shape]).standard_normal(shape).astype(np.float32))


def reduced(
    name: str, streams: Sequence[Sequence[torch.Tensor]], *attributes: Any, step: int = 1 << 17
) -> list[Any]:
    reduction = REDUCTIONS[name](attributes, tuple(streams[0][0].shape))
    for _ in range(8):
        states = []
        for stream in streams:
            states.append(reduction.begin())
            for start in range(0, len(stream[0]), step):
                reduction.take_in(states[-1], [value[start : start + step] for value in stream])
        found = reduction.end_pass(states)
        if found is not None:
            return found.tolist()
    raise AssertionError("it never ends")


def test_every_reduction_has_a_kernel() -> None:
    assert set(REDUCTION_PRIMITIVES) - {SCALARS.name} <= set(REDUCTIONS)
    assert SCALARS.name in KERNELS


class TestGram:
    def test_is_that_of_float64(self) -> None:
        streams = [[numbers(40000, seed=i) for i in range(3)], [numbers(7, seed=i) for i in range(3, 6)]]
        whole = np.stack([np.concatenate([s[i].double() for s in streams]) for i in range(3)])
        np.testing.assert_allclose(reduced("gram", streams, 3), whole @ whole.T, rtol=1e-12, atol=1e-9)

    def test_large_values_do_not_overflow(self) -> None:
        assert reduced("gram", [[torch.full((4,), 1e38)]], 1) == [[pytest.approx(4e76)]]

    def test_a_nan_spreads(self) -> None:
        ((found,),) = reduced("gram", [[torch.tensor([1.0, math.nan])]], 1)
        assert math.isnan(found)

    def test_of_nothing_is_zero(self) -> None:
        assert reduced("gram", [[torch.empty(0)] * 2], 2) == [[0, 0], [0, 0]]

    def test_does_not_depend_on_tiles_of_whole_blocks(self) -> None:
        stream = [numbers(5 * SUM_BLOCK + 3, seed=i) for i in range(2)]
        assert reduced("gram", [stream], 2, step=SUM_BLOCK) == reduced("gram", [stream], 2)


def test_sums_are_those_of_float64() -> None:
    streams = [[numbers(40000), numbers(40000, seed=1)], [numbers(5), numbers(5, seed=1)]]
    expected = [sum(float(s[i].double().sum()) for s in streams) for i in range(2)]
    assert reduced("sums", streams, 2) == pytest.approx(expected, rel=1e-12)


def test_extremes() -> None:
    streams = [
        [torch.tensor([3.0, -1.0]), torch.tensor([5.0, 6.0])],
        [torch.tensor([7.0]), torch.tensor([0.0])],
    ]
    assert reduced("extremes", streams, 2) == [[-1, 7], [0, 6]]
    ((least, greatest),) = reduced("extremes", [[torch.tensor([1.0, math.nan])]], 1)
    assert math.isnan(least)
    assert math.isnan(greatest)
    assert reduced("extremes", [[torch.empty(0)]], 1) == [[math.inf, -math.inf]]


class TestKthMagnitudes:
    @given(
        st.lists(st.floats(width=32, allow_nan=False) | st.sampled_from([0.0, -0.0, 1.0, -1.0]), min_size=1),
        st.integers(1, 9),
        st.sampled_from([torch.float32, torch.float64]),
        st.data(),
    )
    def test_is_that_of_a_sort(
        self, values: list[float], step: int, dtype: torch.dtype, data: st.DataObject
    ) -> None:
        ranks = data.draw(st.lists(st.integers(1, len(values)), min_size=1, max_size=4))
        value = torch.tensor(values, dtype=dtype)
        found = reduced("kth_magnitudes", [[value]], 1, tuple(Rank(0, rank) for rank in ranks), step=step)
        ordered = sorted((abs(v) for v in value.tolist()), reverse=True)
        assert found == [ordered[rank - 1] for rank in ranks]

    def test_of_several_operands_over_several_streams(self) -> None:
        streams = [[numbers(n, seed=n), numbers(n, seed=n + 100)] for n in (50, 1, 300)]
        found = reduced("kth_magnitudes", streams, 2, (Rank(0, 7), Rank(1, 200), Rank(1, 1)))
        ordered = [sorted(abs(float(v)) for s in streams for v in s[i])[::-1] for i in range(2)]
        assert found == [ordered[0][6], ordered[1][199], ordered[1][0]]

    @pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
    def test_of_a_tile_that_is_counted_in_parts(self, dtype: torch.dtype) -> None:
        count = COUNTED_AT_ONCE + 1000
        value = numbers(count).to(dtype)
        ordered = sorted(map(abs, value.tolist()), reverse=True)
        ranks = (1, 5, count // 2, count)
        found = reduced("kth_magnitudes", [[value]], 1, tuple(Rank(0, rank) for rank in ranks), step=count)
        assert found == [ordered[rank - 1] for rank in ranks]

    def test_ranks_that_are_none(self) -> None:
        values = [[torch.tensor([2.0, 1.0])]]
        assert reduced("kth_magnitudes", values, 1, (Rank(0, 0), Rank(0, 3), Rank(0, 2))) == [math.inf, 0, 1]
        assert reduced("kth_magnitudes", [[torch.empty(0)]], 1, (Rank(0, 1),)) == [0]

    def test_shares_of_what_is_not_zero(self) -> None:
        values = [[torch.tensor([0.0, 5, 0, -4, 3, 0])], [torch.tensor([-0.0, 2])]]
        ranks = (Rank(0, share=0.5), Rank(0, share=0.8), Rank(0, share=0.1), Rank(0, share=1))
        assert reduced("kth_magnitudes", values, 1, ranks) == [4, 3, math.inf, 2]

    def test_infinity_and_nan_are_the_largest(self) -> None:
        values = [[torch.tensor([2.0, math.nan, -math.inf])]]
        found = reduced("kth_magnitudes", values, 1, (Rank(0, 1), Rank(0, 2), Rank(0, 3)))
        assert math.isnan(found[0])
        assert found[1:] == [math.inf, 2]


@given(st.integers(1, 200), st.integers(1, 7))
def test_mean_rows_does_not_depend_on_how_the_rows_come(rows: int, blocks: int) -> None:
    values = numbers(rows, 3)
    (found,) = reduced("mean_rows", [[values]], step=blocks * ROW_BLOCK)
    assert [found] == reduced("mean_rows", [[values]], step=rows)
    np.testing.assert_allclose(found, values.double().mean(0), rtol=1e-12, atol=1e-15)
