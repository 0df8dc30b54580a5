from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from mergec.symmetries.matching import waiting_factors
from mergec.symmetries.matching.times import IN_NUMPY
from mergec.symmetries.matching.waiting_factors import WaitingFactors
from tests.symmetries.matching.test_kept_costs import run

if TYPE_CHECKING:
    from typing import Any

    import pytest
    from numpy.typing import NDArray


def factors(units: int, columns: int, seed: int, dtype: type) -> tuple[NDArray[Any], NDArray[Any]]:
    """Whole numbers, so that sums are exact in any order."""
    left, right = np.random.default_rng(seed).integers(-9, 9, (2, units, columns)).astype(dtype)
    return left, right


@settings(deadline=None)
@given(
    units=st.integers(1, 40),
    columns=st.lists(st.integers(1, 100), max_size=6),
    doubles=st.lists(st.booleans(), min_size=6, max_size=6),
)
def test_the_negatives_of_all_products_are_added(units: int, columns: list[int], doubles: list[bool]) -> None:
    costs = np.ones((units, units))
    expected = costs.copy()
    waiting = WaitingFactors(costs, run, IN_NUMPY)
    for seed, count in enumerate(columns):
        left, right = factors(units, count, seed, np.float64 if doubles[seed] else np.float32)
        waiting.add((left, right))
        expected -= left.astype(np.float64) @ right.astype(np.float64).T
    waiting.multiply()
    np.testing.assert_array_equal(costs, expected)


def test_only_so_much_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting_factors, "FACTOR_ELEMENTS", 100)
    costs = np.zeros((5, 5))
    waiting = WaitingFactors(costs, run, IN_NUMPY)
    for seed in range(5):  # of 40 elements each
        waiting.add(factors(5, 4, seed, np.float32))
        assert waiting.elements == (80 if seed % 2 else 40)
    waiting.make_room(61)
    assert waiting.elements == 0
