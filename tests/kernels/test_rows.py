from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from mergec.ir.primitive import ROW_BLOCK, SUMMED_TOGETHER, summed_together
from mergec.ir.row_primitives import RANKED_AT_ONCE, ROW_PRIMITIVES
from mergec.kernels.rows import KERNELS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]

NAN, INFINITY = float("nan"), float("inf")
SPECIAL = [0.0, -0.0, 1.0, -1.0, 1e-40, INFINITY, -INFINITY, NAN]
EXTREMES = {"row_max": np.max, "row_min": np.min}


def run(kernel: str, rows: torch.Tensor, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    shape = rows.shape if kernel == "row_rank" else (len(rows), *(1 for _ in rows.shape[1:]))
    out = torch.full(shape, 7.0, dtype=dtype)
    KERNELS[kernel](out, [rows])
    return out


def numbers(*shape: int) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(shape).standard_normal(shape).astype(np.float32))


def test_every_primitive_has_a_kernel() -> None:
    assert set(KERNELS) == set(ROW_PRIMITIVES)


class TestSum:
    @pytest.mark.parametrize("rows", [1, ROW_BLOCK, 2 * ROW_BLOCK + 1])
    def test_is_in_float64_and_rounded_once(self, rows: int) -> None:
        values = numbers(rows, 5, 7) * 1e6
        expected = values.double().flatten(1).sum(dim=1).float().view(rows, 1, 1)
        assert torch.equal(run("row_sum", values), expected)
        huge = torch.tensor([[3e38, 3e38, -3e38, 1.0]])
        assert run("row_sum", huge).item() == np.float32(3e38)

    @given(st.integers(1, 4), st.integers(1, 70), st.integers(1, 300))
    def test_a_block_is_the_same_whatever_comes_after_it(self, blocks: int, more: int, width: int) -> None:
        values = numbers(blocks * ROW_BLOCK + more, width)
        part = run("row_sum", values[: blocks * ROW_BLOCK])
        assert torch.equal(run("row_sum", values)[: blocks * ROW_BLOCK], part)

    @pytest.mark.parametrize("width", [SUMMED_TOGETHER // 2, SUMMED_TOGETHER // 4 + 1, SUMMED_TOGETHER + 1])
    def test_fewer_long_rows_are_summed_together(self, width: int) -> None:
        values = numbers(5, width)
        block = summed_together(width)
        assert block < 5
        for start in range(0, 5, block):
            rows = slice(start, start + block)
            assert torch.equal(run("row_sum", values)[rows], run("row_sum", values[rows]))
        assert torch.equal(run("row_sum", values), values.double().sum(dim=1, keepdim=True).float())

    def test_of_sixteen_bits_is_widened(self) -> None:
        values = numbers(3, 500).bfloat16()
        assert torch.equal(run("row_sum", values), values.double().sum(dim=1, keepdim=True).float())

    def test_of_rows_without_elements_is_zero(self) -> None:
        assert run("row_sum", torch.empty(3, 0)).tolist() == [[0.0]] * 3


@pytest.mark.parametrize("kernel", EXTREMES)
class TestExtremes:
    @given(data=st.data())
    def test_are_those_of_numpy(self, kernel: str, data: st.DataObject) -> None:
        shape = data.draw(npst.array_shapes(min_dims=2, max_dims=3, max_side=9))
        elements = st.one_of(st.sampled_from(SPECIAL), st.floats(width=32))
        values = data.draw(npst.arrays(np.float32, shape, elements=elements))
        found = run(kernel, torch.from_numpy(values)).numpy()
        np.testing.assert_array_equal(
            found, EXTREMES[kernel](values.reshape(len(values), -1), axis=1).reshape(found.shape)
        )

    def test_are_exact_for_every_dtype(self, kernel: str) -> None:
        for dtype in (torch.float16, torch.bfloat16, torch.float64):
            values = numbers(5, 70).to(dtype)
            made = torch.float64 if dtype is torch.float64 else torch.float32
            expected = EXTREMES[kernel](values.double().numpy(), axis=1)
            np.testing.assert_array_equal(run(kernel, values, made).double().numpy()[:, 0], expected)

    def test_a_zero_is_positive(self, kernel: str) -> None:
        for values in ([-0.0, 0.0] * 20, [0.0, -0.0] * 20, [-0.0] * 40):
            assert not torch.signbit(run(kernel, torch.tensor([values]))).any()

    def test_of_rows_without_elements_limit_nothing(self, kernel: str) -> None:
        expected = -INFINITY if kernel == "row_max" else INFINITY
        assert run(kernel, torch.empty(2, 0)).tolist() == [[expected]] * 2


class TestRank:
    @pytest.mark.parametrize("dtype", [np.float32, np.float64])
    @given(data=st.data())
    def test_counts_what_comes_before(self, dtype: Any, data: st.DataObject) -> None:
        shape = data.draw(npst.array_shapes(min_dims=2, max_dims=3, max_side=9))
        width = np.dtype(dtype).itemsize * 8
        elements = st.one_of(st.sampled_from(SPECIAL), st.floats(width=width))
        values = data.draw(npst.arrays(dtype, shape, elements=elements))
        made = torch.float64 if dtype is np.float64 else torch.float32
        found = run("row_rank", torch.from_numpy(values.copy()), made).flatten(1).tolist()
        for row, ranks in zip(values.reshape(len(values), -1).tolist(), found, strict=True):
            order = sorted(
                range(len(row)), key=lambda i: (row[i] != row[i], row[i] if row[i] == row[i] else 0, i)
            )
            assert [order.index(i) for i in range(len(row))] == ranks

    def test_nans_of_either_sign_come_last_by_position(self) -> None:
        values = torch.tensor([[-NAN, INFINITY, NAN, -INFINITY]])
        assert run("row_rank", values).tolist() == [[2, 1, 3, 0]]

    def test_leaves_its_operand_as_it_is(self) -> None:
        values = numbers(3, 50)
        before = values.clone()
        run("row_rank", values)
        assert torch.equal(values, before)

    @pytest.mark.parametrize(("rows", "width"), [(1, 2 * RANKED_AT_ONCE + 1), (300, 500), (5, 1)])
    def test_of_many_elements(self, rows: int, width: int) -> None:
        values = numbers(rows, width).half()  # with ties
        found = run("row_rank", values).long()
        assert torch.equal(found, values.float().sort(dim=1, stable=True).indices.argsort(dim=1))

    def test_of_no_elements_is_none(self) -> None:
        assert run("row_rank", torch.empty(2, 0)).shape == (2, 0)
