from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mergec.symmetries.matching import waiting_factors
from mergec.symmetries.matching.waiting_factors import WaitingFactors
from tests.symmetries.matching.test_kept_costs import run

if TYPE_CHECKING:
    import pytest


def factors(units: int, columns: int, seed: int, dtype: torch.dtype) -> tuple[torch.Tensor, torch.Tensor]:
    """Whole numbers, so that sums are exact in any order."""
    random = torch.Generator().manual_seed(seed)
    left, right = torch.randint(-9, 9, (2, units, columns), generator=random).to(dtype)
    return left, right


@settings(deadline=None)
@given(
    units=st.integers(1, 40),
    columns=st.lists(st.integers(1, 100), max_size=6),
    doubles=st.lists(st.booleans(), min_size=6, max_size=6),
)
def test_the_negatives_of_all_products_are_added(units: int, columns: list[int], doubles: list[bool]) -> None:
    costs = torch.ones((units, units), dtype=torch.float64)
    expected = costs.clone()
    waiting = WaitingFactors(costs, run)
    for seed, count in enumerate(columns):
        left, right = factors(units, count, seed, torch.float64 if doubles[seed] else torch.float32)
        waiting.add((left, right))
        expected -= left.double() @ right.double().T
    waiting.multiply()
    np.testing.assert_array_equal(costs.numpy(), expected.numpy())


def test_only_so_much_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting_factors, "FACTOR_ELEMENTS", 100)
    costs = torch.zeros((5, 5), dtype=torch.float64)
    waiting = WaitingFactors(costs, run)
    for seed in range(5):  # of 40 elements each
        waiting.add(factors(5, 4, seed, torch.float32))
        assert waiting.elements == (80 if seed % 2 else 40)
    waiting.make_room(61)
    assert waiting.elements == 0
