"""Forms that scale or rotate, and DoRA, against the same formulas in numpy."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from mergec.adapters.images.kohya import Kohya
from tests.adapters.evaluate import folded_by
from tests.adapters.images.kohya_files import FLAT, TARGET, drawn, scalar

if TYPE_CHECKING:
    from tests.adapters.images.kohya_files import Array

EPSILON = np.finfo(np.float32).eps


def fold(weight: Array, parts: dict[str, Array]) -> Array:
    return folded_by(Kohya(), {TARGET: weight}, {f"{FLAT}.{part}": value for part, value in parts.items()})[
        TARGET
    ]


def cayley(q: Array) -> Array:
    one = np.eye(q.shape[-1])
    return (one + q) @ np.linalg.inv(one - q)


@pytest.mark.parametrize("kernel", [(), (3, 3)])
@pytest.mark.parametrize("axis", [0, 1])
def test_dora(kernel: tuple[int, ...], axis: int) -> None:
    weight, up, down = drawn(6, 5, *kernel), drawn(6, 4, *(1 for _ in kernel)), drawn(4, 5, *kernel)
    lengths = np.abs(drawn(*((6, 1), (1, 5))[axis], *(1 for _ in kernel)))
    stored = {"lora_up.weight": up, "lora_down.weight": down, "alpha": scalar(2), "dora_scale": lengths}
    changed = weight + 0.5 * (up.reshape(6, 4) @ down.reshape(4, -1)).reshape(weight.shape)
    others = tuple(n for n in range(changed.ndim) if n != axis)
    norm = np.sqrt((changed**2).sum(axis=others, keepdims=True))
    np.testing.assert_allclose(fold(weight, stored), changed * lengths / (norm + EPSILON))


def test_dora_by_column_of_a_single_row() -> None:
    """One row is as high as the lengths of columns, which must not be taken for its own."""
    weight, up, down, lengths = drawn(1, 5), drawn(1, 4), drawn(4, 5), np.abs(drawn(1, 5))
    stored = {"lora_up.weight": up, "lora_down.weight": down, "dora_scale": lengths}
    changed = weight + up @ down
    np.testing.assert_allclose(fold(weight, stored), changed * lengths / (np.abs(changed) + EPSILON))


def test_a_row_of_zeros_stays_zero() -> None:
    stored = {
        "lora_up.weight": np.zeros((6, 4)),
        "lora_down.weight": drawn(4, 5),
        "dora_scale": np.ones((6, 1)),
    }
    assert np.array_equal(fold(np.zeros((6, 5)), stored), np.zeros((6, 5)))


def test_ia3() -> None:
    weight, kernels, factors = drawn(6, 6), drawn(6, 6, 3, 3), drawn(6)
    rows = {"weight": factors, "on_input": np.array(0)}
    columns = {"weight": factors.reshape(1, 6, 1, 1), "on_input": np.array(1)}
    np.testing.assert_allclose(fold(weight, rows), weight * (1 + factors)[:, None])
    np.testing.assert_allclose(fold(kernels, columns), kernels * (1 + factors)[:, None, None])


@pytest.mark.parametrize("constraint", [0.0, 0.05, 50.0])
def test_rotations(constraint: float) -> None:
    """Block k of the output is R^T of block k, then scaled; alpha * rows bounds the norm of Q."""
    weight, blocks, rescale = drawn(6, 2, 3), drawn(2, 3, 3), drawn(6, 1, 1)
    q = blocks - blocks.transpose(0, 2, 1)
    if constraint:
        q = q * min(1.0, constraint * 6 / np.linalg.norm(q))
    turned = np.einsum("knm,knij->kmij", cayley(q), weight.reshape(2, 3, 2, 3)).reshape(6, 2, 3)
    stored = {"oft_blocks": blocks, "alpha": scalar(constraint)}
    np.testing.assert_allclose(fold(weight, stored), turned, rtol=1e-6)
    np.testing.assert_allclose(fold(weight, {**stored, "rescale": rescale}), turned * rescale, rtol=1e-6)


def test_butterflies() -> None:
    """Stage n turns groups of 2 of rows that are 2^n apart."""
    weight, blocks = drawn(8, 3), drawn(3, 4, 2, 2)
    rotations = cayley(blocks - blocks.transpose(0, 1, 3, 2))
    expected = weight.copy()
    for stage in range(3):
        pairs = [(row, row + 2**stage) for row in range(8) if not row & 2**stage]
        for rotation, pair in zip(rotations[stage], pairs, strict=True):
            expected[list(pair)] = rotation @ expected[list(pair)]
    np.testing.assert_allclose(fold(weight, {"oft_blocks": blocks}), expected)
