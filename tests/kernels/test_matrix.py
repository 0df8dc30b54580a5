from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mergec.ir.matrix_primitives import COLUMN_BLOCK, MATRIX_PRIMITIVES
from mergec.ir.primitive import ROW_BLOCK, Locality
from mergec.kernels.reductions import REDUCTIONS
from mergec.kernels.table import KERNELS


def numbers(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng([seed, *shape]).standard_normal(shape).astype(np.float32))


def run(kernel: str, shape: tuple[int, ...], *sources: torch.Tensor, attributes: Any = ()) -> torch.Tensor:
    out = torch.full(shape, torch.nan)
    KERNELS[kernel](out, sources, *attributes)
    return out


def test_every_primitive_has_a_kernel() -> None:
    reductions = {name for name, p in MATRIX_PRIMITIVES.items() if p.locality is Locality.REDUCE}
    assert reductions <= set(REDUCTIONS)
    assert set(MATRIX_PRIMITIVES) - reductions <= set(KERNELS)


class TestMatmul:
    @pytest.mark.parametrize("rows", [1, ROW_BLOCK, ROW_BLOCK + 1])
    @pytest.mark.parametrize("columns", [1, COLUMN_BLOCK, COLUMN_BLOCK + 7])
    def test_is_rounded_once_from_float64(self, rows: int, columns: int) -> None:
        left, right = numbers(rows, 5), numbers(5, columns, seed=1)
        expected = (left.double() @ right.double()).float()
        torch.testing.assert_close(run("matmul", (rows, columns), left, right), expected, rtol=0, atol=0)

    def test_of_matrices_side_by_side_each_takes_its_own_columns(self) -> None:
        left, right = numbers(40, 6), numbers(3, 2, 4, seed=1)
        parts = [left[:, 2 * g : 2 * g + 2].double() @ right[g].double() for g in range(3)]
        expected = torch.cat(parts, dim=1).float()
        torch.testing.assert_close(run("matmul", (40, 12), left, right), expected, rtol=0, atol=0)

    @given(st.integers(1, 5), st.integers(1, 70))
    def test_a_block_is_the_same_whatever_comes_after_it(self, blocks: int, more: int) -> None:
        left, right = numbers(blocks * ROW_BLOCK + more, 16), numbers(16, 40, seed=1)
        whole = run("matmul", (len(left), 40), left, right)
        part = run("matmul", (blocks * ROW_BLOCK, 40), left[: blocks * ROW_BLOCK], right)
        assert torch.equal(whole[: blocks * ROW_BLOCK], part)

    def test_rows_of_sixteen_bits_are_widened(self) -> None:
        left, right = numbers(3, 5).bfloat16(), numbers(5, 4, seed=1).half()
        expected = (left.double() @ right.double()).float()
        assert torch.equal(run("matmul", (3, 4), left, right), expected)


class TestRowNorm:
    def test_of_rows_of_any_shape(self) -> None:
        rows = numbers(40, 3, 5)
        expected = rows.double().flatten(1).norm(dim=1).float().view(40, 1, 1)
        torch.testing.assert_close(run("row_norm", (40, 1, 1), rows), expected, rtol=1e-7, atol=0)

    def test_squares_do_not_overflow(self) -> None:
        assert run("row_norm", (1, 1), torch.full((1, 4), 3e38)).item() == float("inf")  # 6e38 is none
        assert run("row_norm", (1, 1), torch.full((1, 4), 1e38)).item() == pytest.approx(2e38)
        assert run("row_norm", (1, 1), torch.full((1, 4), 1e-40)).item() == pytest.approx(2e-40, rel=1e-4)


def test_skew_fills_the_upper_triangle_row_by_row() -> None:
    found = run("skew", (1, 3, 3), torch.tensor([[1.0, 2.0, 3.0]]), attributes=(3,))
    assert found[0].tolist() == [[0, 1, 2], [-1, 0, 3], [-2, -3, 0]]


class TestCayley:
    def test_is_a_rotation(self) -> None:
        skew = run("skew", (4, 5, 5), numbers(4, 10), attributes=(5,))
        turned = torch.empty(4, 5, 5, dtype=torch.float64)
        KERNELS["cayley"](turned, [skew], 0)
        identity = torch.eye(5, dtype=torch.float64).expand(4, 5, 5)
        torch.testing.assert_close(turned @ turned.transpose(1, 2), identity)
        generator = skew.double()
        torch.testing.assert_close(turned @ (identity - generator), identity + generator)

    @pytest.mark.parametrize(
        ("terms", "factors"), [(1, [1]), (2, [1, 1]), (3, [1, 2, 1]), (5, [1, 2, 2, 2, 1])]
    )
    def test_series(self, terms: int, factors: list[float]) -> None:
        skew = run("skew", (1, 3, 3), numbers(1, 3), attributes=(3,)).double()
        found = torch.empty(1, 3, 3, dtype=torch.float64)
        KERNELS["cayley"](found, [skew], terms)
        powers = [torch.linalg.matrix_power(skew, n) for n in range(len(factors))]
        torch.testing.assert_close(found, sum(f * p for f, p in zip(factors, powers, strict=True)))


def test_layout_kernels_are_those_of_torch() -> None:
    values = numbers(2, 3, 4)
    assert torch.equal(run("slice", (2, 2, 4), values, attributes=(1, 1, 3)), values[:, 1:3])
    assert torch.equal(run("concat", (4, 3, 4), values, values, attributes=(0,)), values.repeat(2, 1, 1))
    assert torch.equal(run("reshape", (6, 4), values, attributes=((6, 4),)), values.view(6, 4))
    assert torch.equal(run("permute", (4, 2, 3), values, attributes=((2, 0, 1),)), values.permute(2, 0, 1))
