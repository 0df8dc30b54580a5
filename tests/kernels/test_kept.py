from __future__ import annotations

import hashlib
import itertools
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mergec.kernels.kept import PART, keep
from tests.kernels.test_uniform import philox

if TYPE_CHECKING:
    from numpy.typing import NDArray


def mask(
    share: float, start: int = 0, count: int = 1 << 18, *, seed: int = 0, name: str = "w"
) -> NDArray[np.bool_]:
    made = np.empty(count, np.bool_)
    keep(made, seed, name, share, start)
    return made


@pytest.mark.parametrize("share", [0.001, 0.1, 0.25, 0.5, 0.73, 0.999])
def test_keeps_as_much_as_it_is_told(share: float) -> None:
    count = 1 << 22
    deviation = (share * (1 - share) / count) ** 0.5
    assert abs(mask(share, count=count).mean() - share) < 5 * deviation


@pytest.mark.parametrize("share", [0.0, 1e-30, 2.0**-32, 1 - 2.0**-32, np.nextafter(1.0, 0.0), 1.0])
def test_shares_close_to_nothing_and_to_all(share: float) -> None:
    assert mask(share).all() == mask(share).any() == (share > 0.5)


@given(st.integers(0, 100), st.integers(0, 50), st.sampled_from([0.3, 0.5]))
def test_any_part_is_that_part_of_the_whole(start: int, count: int, share: float) -> None:
    np.testing.assert_array_equal(mask(share, start, count), mask(share, 0, 150)[start : start + count])


@pytest.mark.parametrize("start", [0, 5, PART - 3, PART, PART + 16])
def test_it_goes_in_parts(start: int) -> None:
    np.testing.assert_array_equal(
        mask(0.3, start, 2 * PART), mask(0.3, 0, 4 * PART)[start : start + 2 * PART]
    )


def test_parts_far_into_a_sequence_fit_together() -> None:
    start = (1 << 40) + 3
    np.testing.assert_array_equal(mask(0.5, start, 100)[29:], mask(0.5, start + 29, 71))


def test_a_larger_share_keeps_more() -> None:
    shares = [0.1, 0.3, 0.3 + 1e-4, 0.5, 0.9]
    masks = [mask(share) for share in shares]
    for less, more in itertools.pairwise(masks):
        assert (more >= less).all()
        assert more.sum() > less.sum()


def test_neighbours_are_independent() -> None:
    drawn = mask(0.3).astype(float)
    for lag in (1, 2, 3, 4, 8, 16, PART):
        assert abs(np.corrcoef(drawn[:-lag], drawn[lag:])[0, 1]) < 5 / len(drawn[lag:]) ** 0.5


@pytest.mark.parametrize(("seed", "name"), [(1, "w"), (0, "v"), (0, "w2"), (2**64 - 1, "w")])
def test_another_seed_or_name_gives_independent_masks(seed: int, name: str) -> None:
    one, other = mask(0.5), mask(0.5, seed=seed, name=name)
    assert abs(np.corrcoef(one, other)[0, 1]) < 5 / len(one) ** 0.5


@pytest.mark.parametrize("share", [0.25, 0.7])
def test_the_masks_of_version_one_stay_what_they_are(share: float) -> None:
    """Of 32 bits, from the lowest of a word on, the first element's lot has the lower half on top."""
    digest = hashlib.sha256(b"kept:7:layers.0.weight").digest()
    key = int.from_bytes(digest[:8], "little"), int.from_bytes(digest[8:16], "little")
    counters = 4096
    words = [word for counter in range(1, counters + 1) for word in philox(counter, *key)]
    halves = [(word >> shift) & 0xFFFF for word in words for shift in (0, 16, 32, 48)]
    lots = [(halves[at] << 16) | halves[at ^ 1] for at in range(len(halves))]
    expected = [lot < round(share * 2**32) for lot in lots]
    found = mask(share, 5, len(lots) - 5, seed=7, name="layers.0.weight")
    assert found.tolist() == expected[5:]
    if share == 0.7:  # there are lots that their first half does not decide
        assert any(half == int(share * 2**16) for half in halves)
