"""The shared formulas against einsum, kron and norms of NumPy."""

from __future__ import annotations

import numpy as np
import pytest

from mergec.adapters.formulas import column_norms, inverse_order, kronecker, rescaled, tucker
from tests.adapters.evaluate import Bench

RNG = np.random.default_rng(11)


@pytest.mark.parametrize("kernel", [(), (3,), (3, 2)])
def test_tucker(kernel: tuple[int, ...]) -> None:
    bench = Bench()
    left, core, right = RNG.normal(size=(6, 2)), RNG.normal(size=(2, 4, *kernel)), RNG.normal(size=(4, 5))
    made = bench.value(tucker(*map(bench.tensor, (left, core, right))))
    wanted = np.einsum("om,mn...,ni->oi...", left, core, right)
    np.testing.assert_allclose(made, wanted.reshape(6, -1))


@pytest.mark.parametrize("kernel", [(), (3,), (3, 2)])
def test_kronecker(kernel: tuple[int, ...]) -> None:
    bench = Bench()
    left, right = RNG.normal(size=(2, 3)), RNG.normal(size=(4, 5, *kernel))
    made = bench.value(kronecker(bench.tensor(left), bench.tensor(right)))
    wanted = np.kron(left.reshape(2, 3, *(1 for _ in kernel)), right)
    assert made.shape == wanted.shape == (8, 15, *kernel)
    np.testing.assert_allclose(made, wanted)


@pytest.mark.parametrize("kernel", [(), (3, 2)])
def test_column_norms(kernel: tuple[int, ...]) -> None:
    bench = Bench()
    values = RNG.normal(size=(4, 5, *kernel))
    others = tuple(axis for axis in range(values.ndim) if axis != 1)
    wanted = np.sqrt((values**2).sum(axis=others, keepdims=True))
    np.testing.assert_allclose(bench.value(column_norms(bench.tensor(values))), wanted)


def test_rescaled() -> None:
    bench = Bench()
    changed, lengths, norms = RNG.normal(size=(4, 5)), RNG.random((4, 1)), RNG.random((4, 1))
    v, length, norm = (bench.tensor(values) for values in (changed, lengths, norms))
    for epsilon in (0.0, 0.25):
        made = bench.value(rescaled(v, length, norm, epsilon))
        np.testing.assert_allclose(made, changed * lengths / (norms + epsilon))


def test_an_inverse_undoes_its_order() -> None:
    order = RNG.permutation(9).tolist()
    assert [order[at] for at in inverse_order(order)] == list(range(9))
