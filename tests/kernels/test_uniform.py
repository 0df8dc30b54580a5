from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mergec.kernels.normal import normal_values
from mergec.kernels.uniform import BLOCK, uniform_values

if TYPE_CHECKING:
    from numpy.typing import NDArray


def values(start: int = 0, count: int = 1 << 17, *, seed: int = 0, name: str = "w") -> NDArray[np.float32]:
    return uniform_values(seed, name, start, count)


def test_are_multiples_of_a_step_from_zero_up_to_one() -> None:
    steps = values().astype(np.float64) * 2**24
    assert (steps == np.round(steps)).all()
    assert steps.min() >= 0
    assert steps.max() < 2**24


@pytest.mark.parametrize(("word", "expected"), [(0, [0.0, 0.0]), (2**64 - 1, [1 - 2**-24, 1 - 2**-24])])
def test_the_most_extreme_bits(word: int, expected: list[float], monkeypatch: pytest.MonkeyPatch) -> None:
    class Constant:
        def __init__(self, **_: object) -> None: ...

        def random_raw(self, count: int) -> NDArray[np.uint64]:
            return np.full(count, word, np.uint64)

    monkeypatch.setattr(np.random, "Philox", Constant)
    assert values(count=2).tolist() == expected


@given(st.integers(0, 100), st.integers(0, 50))
def test_any_part_is_that_part_of_the_whole(start: int, count: int) -> None:
    np.testing.assert_array_equal(values(start, count), values(0, 150)[start : start + count])


def test_parts_far_into_a_sequence_fit_together() -> None:
    start = (1 << 40) + 3
    np.testing.assert_array_equal(values(start, 100)[29:], values(start + 29, 71))


def test_are_spread_evenly() -> None:
    drawn = values(count=1 << 18)
    counts, _ = np.histogram(drawn, 64, (0, 1))
    expected = (1 << 18) / 64
    assert ((counts - expected) ** 2 / expected).sum() < 110  # of 63 degrees of freedom: once in 4,000 times
    assert np.bitwise_or.reduce((drawn * 2**24).astype(np.int64)) == (1 << 24) - 1


def test_neighbours_are_independent() -> None:
    drawn = values()
    for lag in (1, 2, 3, 4, 8, BLOCK):
        assert abs(np.corrcoef(drawn[:-lag], drawn[lag:])[0, 1]) < 5 / len(drawn[lag:]) ** 0.5


@pytest.mark.parametrize(("seed", "name"), [(1, "w"), (0, "v"), (0, "w2"), (2**64 - 1, "w")])
def test_another_seed_or_name_gives_independent_values(seed: int, name: str) -> None:
    drawn = values()
    assert abs(np.corrcoef(drawn, values(seed=seed, name=name))[0, 1]) < 5 / len(drawn) ** 0.5


def test_are_independent_of_the_normal_values_of_the_same_seed_and_name() -> None:
    drawn = values(count=40_000)
    normal = normal_values(0, "w", 1.0, 0, 40_000)
    assert abs(np.corrcoef(drawn, normal)[0, 1]) < 5 / 200
    assert abs(np.corrcoef(drawn, np.abs(normal))[0, 1]) < 5 / 200


def test_the_values_of_version_one_stay_what_they_are() -> None:
    """As the paper defines the generator, counters from 1 on: written out here, apart from numpy's."""
    digest = hashlib.sha256(b"uniform:7:layers.0.weight").digest()
    key = int.from_bytes(digest[:8], "little"), int.from_bytes(digest[8:16], "little")
    words = [word for counter in (1, 2, 3) for word in philox(counter, *key)]
    expected = [(half & 0xFFFFFFFF) >> 8 for word in words for half in (word, word >> 32)]
    steps = values(5, 17, seed=7, name="layers.0.weight") * np.float32(2**24)
    assert steps.astype(int).tolist() == expected[5:22]


def philox(counter: int, key0: int, key1: int) -> list[int]:
    """Four words of Philox-4x64-10."""
    mask = (1 << 64) - 1
    words = [counter, 0, 0, 0]
    for _ in range(10):
        high0, low0 = divmod(0xD2E7470EE14C6C93 * words[0], 1 << 64)
        high1, low1 = divmod(0xCA5A826395121157 * words[2], 1 << 64)
        words = [high1 ^ words[1] ^ key0, low1, high0 ^ words[3] ^ key1, low0]
        key0, key1 = (key0 + 0x9E3779B97F4A7C15) & mask, (key1 + 0xBB67AE8584CAA73B) & mask
    return words
