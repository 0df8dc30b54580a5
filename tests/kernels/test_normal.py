from __future__ import annotations

from statistics import NormalDist, fmean, pstdev
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mergec.kernels.normal import BLOCK, _log, _quantile, normal_values

if TYPE_CHECKING:
    from numpy.typing import NDArray


def values(start: int = 0, count: int = 1000, *, seed: int = 0, name: str = "w") -> NDArray[np.float32]:
    return normal_values(seed, name, 1.0, start, count)


def test_quantiles_are_those_of_the_normal_distribution() -> None:
    near_zero = 2.0 ** -np.arange(1, 53)
    probabilities = np.concatenate([near_zero, 1 - near_zero, np.linspace(0.001, 0.999, 999)])
    expected = [NormalDist().inv_cdf(p) for p in probabilities]
    np.testing.assert_allclose(_quantile(probabilities), expected, rtol=1e-12, atol=1e-15)


def test_the_logarithm_is_good_to_a_few_units_in_the_last_place() -> None:
    x = np.concatenate([2.0 ** -np.arange(1, 54), np.linspace(1e-9, 0.5, 1001)])
    np.testing.assert_allclose(_log(x), np.log(x), rtol=1e-15)


@pytest.mark.parametrize(("bits", "sign"), [(0, -1), (2**64 - 1, 1)])
def test_the_rarest_bits_give_the_most_extreme_values(
    bits: int, sign: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Constant:
        def __init__(self, **_: object) -> None: ...

        def random_raw(self, count: int) -> NDArray[np.uint64]:
            return np.full(count, bits, np.uint64)

    monkeypatch.setattr(np.random, "Philox", Constant)
    expected = sign * -NormalDist().inv_cdf(2.0**-53)
    np.testing.assert_allclose(values(count=1), [expected], rtol=1e-6)


@given(st.integers(0, 3 * BLOCK), st.integers(0, 2 * BLOCK))
def test_any_part_is_that_part_of_the_whole(start: int, count: int) -> None:
    whole = values(0, 5 * BLOCK)
    np.testing.assert_array_equal(values(start, count), whole[start : start + count])


def test_blocks_share_no_values() -> None:
    assert len(np.unique(values(0, 8 * BLOCK))) > 0.98 * 8 * BLOCK


@pytest.mark.parametrize(("seed", "name"), [(1, "w"), (0, "v"), (0, "w2"), (2**64 - 1, "w")])
def test_another_seed_or_name_gives_independent_values(seed: int, name: str) -> None:
    count = 40_000
    correlation = np.corrcoef(values(count=count), values(count=count, seed=seed, name=name))[0, 1]
    assert abs(correlation) < 5 / count**0.5


def test_moments_are_those_of_the_normal_distribution() -> None:
    found = [float(value) for value in values(count=40_000)]
    assert abs(fmean(found)) < 0.02
    assert abs(pstdev(found) - 1) < 0.02
    assert abs(fmean(value**4 for value in found) - 3) < 0.15


def test_the_deviation_scales() -> None:
    np.testing.assert_allclose(normal_values(0, "w", 0.02, 0, 100), 0.02 * values(count=100), rtol=1e-6)


def test_the_values_of_version_one_stay_what_they_are() -> None:
    found = normal_values(7, "connector.weight", 0.02, BLOCK - 2, 4)
    assert [value.hex() for value in found.tolist()] == [
        "-0x1.1492c40000000p-8",
        "-0x1.81cc300000000p-8",
        "0x1.1ea5ea0000000p-7",
        "-0x1.1e77f80000000p-11",
    ]
