"""Graphs of singular values and vectors carried out by the real executor, against numpy in float64."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from mergec.ir.expression import concatenated
from mergec.ir.spectral import column_gram, held, orthogonalised, principal, spectral_matrix, spectrum
from mergec.ir.spectral_primitives import Kept
from mergec.kernels.table import KERNELS
from tests.execute.bench import Bench

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]


@pytest.fixture
def bench() -> Bench:
    return Bench()


def numbers(*shape: int, seed: int = 0) -> Array:
    return np.random.default_rng([seed, *shape]).standard_normal(shape).astype(np.float32)


def truncated(value: Array, rank: int) -> Array:
    u, s, v = np.linalg.svd(value.astype(np.float64), full_matrices=False)
    return np.asarray((u[:, :rank] * s[:rank]) @ v[:rank])


@pytest.mark.parametrize("workers", [1, 3])
@pytest.mark.parametrize("rows", [33, 500])
@pytest.mark.usefixtures("small_tiles")
class TestStreamed:
    def test_a_truncated_difference(self, bench: Bench, rows: int, workers: int) -> None:
        a, b = numbers(rows, 24), numbers(rows, 24, seed=1)
        change = bench.leaf(a) - bench.leaf(b)
        bench.outputs["w"] = change @ spectral_matrix(column_gram([change]), "projection", Kept(5))
        np.testing.assert_allclose(bench.run(workers=workers)["w"], truncated(a - b, 5), atol=1e-6)

    def test_of_the_transposed(self, bench: Bench, rows: int, workers: int) -> None:
        value = numbers(24, rows)
        turned = bench.leaf(value).transposed
        product = turned @ spectral_matrix(column_gram([turned]), "isotropic")
        bench.outputs["w"] = product.transposed
        u, s, v = np.linalg.svd(value.astype(np.float64), full_matrices=False)
        np.testing.assert_allclose(bench.run(workers=workers)["w"], s.mean() * u @ v, atol=1e-9)

    def test_two_factors(self, bench: Bench, rows: int, workers: int) -> None:
        value = bench.leaf(numbers(rows, 24))
        vectors = principal(column_gram([value]), Kept(3))
        bench.outputs.update(a=vectors.transposed, b=value @ vectors)
        found = bench.run(workers=workers)
        np.testing.assert_allclose(found["b"] @ found["a"], truncated(numbers(rows, 24), 3), atol=1e-9)
        np.testing.assert_allclose(found["a"] @ found["a"].T, np.eye(3), atol=1e-12)

    def test_a_gram_matrix_of_columns_side_by_side(self, bench: Bench, rows: int, workers: int) -> None:
        a, b = numbers(rows, 3), numbers(rows, 5, seed=1)
        bench.outputs["g"] = column_gram([bench.leaf(a), bench.leaf(b) * 2.0])
        joined = np.hstack([a, 2 * b]).astype(np.float64)
        np.testing.assert_allclose(bench.run(workers=workers)["g"], joined.T @ joined, rtol=1e-13, atol=1e-12)

    def test_turned_operands_of_different_widths(self, bench: Bench, rows: int, workers: int) -> None:
        a, b = numbers(3, rows), numbers(40, rows, seed=1)
        bench.outputs["g"] = column_gram([bench.leaf(a).transposed, bench.leaf(b).transposed])
        joined = np.vstack([a, b]).astype(np.float64)
        np.testing.assert_allclose(bench.run(workers=workers)["g"], joined @ joined.T, rtol=1e-12, atol=1e-11)


def test_bits_depend_on_no_budget(bench: Bench) -> None:
    a, b = bench.leaf(numbers(3000, 60)), bench.leaf(numbers(3000, 60, seed=1))
    bench.outputs["w"] = (a - b) @ spectral_matrix(column_gram([a - b]), "projection", Kept(5))
    first = bench.run(budget=1 << 30)["w"]
    np.testing.assert_array_equal(bench.run(budget=64 << 20, workers=3)["w"], first)


def test_what_is_held_is_computed_once_and_whole(bench: Bench) -> None:
    a, b = numbers(40, 12), numbers(40, 12, seed=1)
    leaves = [bench.leaf(a), bench.leaf(b)]
    parts = [spectrum(column_gram([x]), Kept(4)) for x in leaves]
    columns = [x @ (part.vectors * part.inverses) for x, part in zip(leaves, parts, strict=True)]
    rows = [part.vectors for part in parts]
    sizes = concatenated([part.values for part in parts], 1)
    left, right = (orthogonalised(concatenated(side, 1)) for side in (columns, rows))
    bench.outputs["w"] = held((left * sizes) @ right.transposed) * 2.0
    regions = bench.plan().regions
    assert len(regions) == 1
    assert len(regions[0].held) == 1
    expected = _joined([a.astype(np.float64), b.astype(np.float64)], 4)
    np.testing.assert_allclose(bench.run()["w"], 2 * expected, atol=1e-9)


def _joined(values: list[Array], rank: int) -> Array:
    parts = [np.linalg.svd(value, full_matrices=False) for value in values]
    left = np.hstack([u[:, :rank] for u, _, _ in parts])
    sizes = np.concatenate([s[:rank] for _, s, _ in parts])
    right = np.vstack([v[:rank] for _, _, v in parts])
    p, _, q = np.linalg.svd(left, full_matrices=False)
    r, _, t = np.linalg.svd(right, full_matrices=False)
    return np.asarray((p @ q * sizes) @ (r @ t))


@pytest.mark.parametrize("workers", [1, 3])
@pytest.mark.usefixtures("small_tiles")
def test_two_factors_rest_on_one_decomposition(
    bench: Bench, workers: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[int] = []
    kernel = KERNELS["principal"]

    def counted(*given: Any) -> None:
        calls.append(1)
        kernel(*given)

    monkeypatch.setitem(KERNELS, "principal", counted)
    for at in range(3):
        value = bench.leaf(numbers(200, 24, seed=at))
        vectors = principal(column_gram([value]), Kept(3))
        bench.outputs.update({f"{at}.a": vectors.transposed, f"{at}.b": value @ vectors})
    made = bench.run(workers=workers)
    assert len(calls) == 3
    for at in range(3):
        expected = truncated(numbers(200, 24, seed=at), 3)
        np.testing.assert_allclose(made[f"{at}.b"] @ made[f"{at}.a"], expected, atol=1e-9)
