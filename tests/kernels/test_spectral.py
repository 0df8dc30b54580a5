"""Singular values and vectors against numpy's decomposition of the matrix itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mergec.ir.primitive import ROW_BLOCK
from mergec.ir.spectral_primitives import SPECTRAL_PRIMITIVES, Kept
from mergec.kernels.spectral import KERNELS, ColumnGram

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]


def matrix(*shape: int, seed: int = 0) -> Array:
    return np.random.default_rng([seed, *shape]).standard_normal(shape)


def gram(*values: Array) -> torch.Tensor:
    reduction = ColumnGram(sum(value.shape[1] for value in values))
    state = reduction.begin()
    reduction.take_in(state, [torch.from_numpy(value) for value in values])
    return reduction.end_pass([state])


def run(kernel: str, shape: tuple[int, ...], *sources: torch.Tensor, attributes: Any = ()) -> Array:
    out = torch.full(shape, torch.nan, dtype=torch.float64)
    KERNELS[kernel](out, sources, *attributes)
    return out.numpy()


def spectrum_of(value: Array, kept: Kept) -> tuple[Array, Array, Array]:
    side = value.shape[1]
    found = run("spectrum", (side + 2, min(kept.rank, side)), gram(value), attributes=(kept,))
    return found[:side], found[side], found[side + 1]


def test_every_primitive_but_the_reduction_has_a_kernel() -> None:
    assert set(SPECTRAL_PRIMITIVES) - {"column_gram"} == set(KERNELS)


class TestColumnGram:
    def test_of_matrices_side_by_side(self) -> None:
        left, right = matrix(70, 3).astype(np.float32), matrix(70, 5, seed=1).astype(np.float32)
        joined = np.hstack([left, right]).astype(np.float64)
        np.testing.assert_allclose(gram(left, right).numpy(), joined.T @ joined, rtol=1e-14)

    @given(st.integers(1, 4), st.integers(1, 70))
    def test_tiles_of_whole_blocks_give_the_same_bits(self, blocks: int, more: int) -> None:
        value = torch.from_numpy(matrix(blocks * ROW_BLOCK + more, 6))
        reduction = ColumnGram(6)
        whole, parts = reduction.begin(), reduction.begin()
        reduction.take_in(whole, [value])
        reduction.take_in(parts, [value[: blocks * ROW_BLOCK]])
        reduction.take_in(parts, [value[blocks * ROW_BLOCK :]])
        assert torch.equal(whole, parts)

    def test_streams_are_summed(self) -> None:
        upper, lower = matrix(40, 4), matrix(33, 4, seed=1)
        reduction = ColumnGram(4)
        states = []
        for part in (upper, lower):
            states.append(reduction.begin())
            reduction.take_in(states[-1], [torch.from_numpy(part)])
        whole = np.vstack([upper, lower])
        np.testing.assert_allclose(reduction.end_pass(states).numpy(), whole.T @ whole, rtol=1e-13)


class TestSpectrum:
    @pytest.mark.parametrize(("rows", "columns", "rank"), [(9, 9, 9), (50, 8, 3), (200, 40, 40), (5, 1, 1)])
    def test_is_that_of_the_matrix(self, rows: int, columns: int, rank: int) -> None:
        value = matrix(rows, columns)
        vectors, values, inverses = spectrum_of(value, Kept(rank))
        _, expected, right = np.linalg.svd(value, full_matrices=False)
        np.testing.assert_allclose(values, expected[:rank], rtol=1e-10)
        np.testing.assert_allclose(inverses, 1 / expected[:rank], rtol=1e-10)
        for found, wanted in zip(vectors.T, right[:rank], strict=True):
            assert abs(found @ wanted) == pytest.approx(1.0, abs=1e-9)

    def test_the_largest_entry_of_each_vector_is_positive(self) -> None:
        vectors, _, _ = spectrum_of(matrix(60, 20), Kept(20))
        assert (vectors[np.abs(vectors).argmax(0), np.arange(20)] > 0).all()

    def test_what_the_rank_lacks_is_zero(self) -> None:
        value = matrix(30, 3) @ matrix(3, 12, seed=1)
        vectors, values, inverses = spectrum_of(value, Kept(6))
        assert (values[:3] > 0).all()
        for part in (vectors[:, 3:], values[3:], inverses[3:]):
            np.testing.assert_array_equal(part, 0.0)

    def test_of_zeros_is_zeros(self) -> None:
        for part in spectrum_of(np.zeros((7, 4)), Kept(4)):
            np.testing.assert_array_equal(part, 0.0)

    @pytest.mark.parametrize(("energy", "left"), [(1.0, 4), (0.999, 3), (0.9, 2), (0.5, 1), (0.01, 1)])
    def test_energy_keeps_as_many_as_hold_that_share(self, energy: float, left: int) -> None:
        value = np.diag([6.0, 5.0, 2.0, 0.1])  # squares 36, 25, 4, 0.01
        _, values, _ = spectrum_of(value, Kept(4, energy))
        np.testing.assert_allclose(values, [*[6.0, 5.0, 2.0, 0.1][:left], *[0.0] * (4 - left)], rtol=1e-12)

    def test_epsilon_keeps_what_is_above(self) -> None:
        _, values, _ = spectrum_of(np.diag([6.0, 5.0, 2.0, 0.1]), Kept(4, epsilon=2.5))
        np.testing.assert_allclose(values, [6.0, 5.0, 0.0, 0.0], rtol=1e-12)

    @pytest.mark.parametrize("scale", [1e-30, 1e30])
    def test_at_any_scale(self, scale: float) -> None:
        _, values, _ = spectrum_of(matrix(20, 5) * scale, Kept(5))
        np.testing.assert_allclose(values, np.linalg.svd(matrix(20, 5) * scale, compute_uv=False), rtol=1e-11)

    @pytest.mark.parametrize("bad", [np.nan, np.inf])
    def test_what_is_not_finite_spreads(self, bad: float) -> None:
        value = matrix(6, 3)
        value[2, 1] = bad
        assert np.isnan(np.concatenate([part.ravel() for part in spectrum_of(value, Kept(2))])).all()
        assert np.isnan(run("principal", (3, 2), gram(value), attributes=(Kept(2),))).all()
        assert np.isnan(run("orthogonalised", (6, 3), torch.from_numpy(value))).all()


class TestPrincipal:
    def test_is_the_vectors_of_the_spectrum(self) -> None:
        value = matrix(30, 7)
        found = run("principal", (7, 4), gram(value), attributes=(Kept(4, 0.5),))
        np.testing.assert_array_equal(found, spectrum_of(value, Kept(4, 0.5))[0])


class TestSpectralMatrix:
    def test_a_projection_truncates(self) -> None:
        value = matrix(30, 8)
        u, s, v = np.linalg.svd(value, full_matrices=False)
        found = value @ run("spectral_matrix", (8, 8), gram(value), attributes=(Kept(3), "projection"))
        np.testing.assert_allclose(found, (u[:, :3] * s[:3]) @ v[:3], atol=1e-12)

    def test_whitening_sets_all_singular_values_to_one(self) -> None:
        value = matrix(30, 8)
        u, _, v = np.linalg.svd(value, full_matrices=False)
        found = value @ run("spectral_matrix", (8, 8), gram(value), attributes=(Kept(8), "whitening"))
        np.testing.assert_allclose(found, u @ v, atol=1e-12)

    def test_isotropic_sets_them_to_their_mean(self) -> None:
        value = matrix(30, 8)
        u, s, v = np.linalg.svd(value, full_matrices=False)
        found = value @ run("spectral_matrix", (8, 8), gram(value), attributes=(Kept(8), "isotropic"))
        np.testing.assert_allclose(found, s.mean() * u @ v, atol=1e-12)

    @pytest.mark.parametrize("function", ["projection", "whitening", "isotropic"])
    def test_of_zeros_is_zeros(self, function: str) -> None:
        found = run("spectral_matrix", (4, 4), gram(np.zeros((6, 4))), attributes=(Kept(4), function))
        np.testing.assert_array_equal(found, 0.0)


class TestOrthogonalised:
    @pytest.mark.parametrize("shape", [(20, 5), (5, 5), (9, 1)])
    def test_is_the_closest_matrix_with_orthonormal_columns(self, shape: tuple[int, int]) -> None:
        value = matrix(*shape)
        u, _, v = np.linalg.svd(value, full_matrices=False)
        found = run("orthogonalised", shape, torch.from_numpy(value))
        np.testing.assert_allclose(found, u @ v, atol=1e-12)

    def test_columns_that_depend_on_each_other_span_what_they_did(self) -> None:
        value = matrix(12, 2) @ matrix(2, 4, seed=1)
        u, _, v = np.linalg.svd(value, full_matrices=False)
        found = run("orthogonalised", (12, 4), torch.from_numpy(value))
        np.testing.assert_allclose(found, u[:, :2] @ v[:2], atol=1e-10)


def test_runs_give_the_same_bits() -> None:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        value = gram(matrix(300, 100))
        first = run("principal", (100, 10), value, attributes=(Kept(10),))
        for shift in range(1, 9):  # the same numbers elsewhere in memory
            moved = torch.empty(shift + 100 * 100, dtype=torch.float64)[shift:].view(100, 100).copy_(value)
            np.testing.assert_array_equal(run("principal", (100, 10), moved, attributes=(Kept(10),)), first)
    finally:
        torch.set_num_threads(threads)
