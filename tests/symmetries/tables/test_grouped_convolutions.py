"""Convolutions in groups, which no built-in table has: tables that a user would write."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from tests.symmetries.invariance import assert_unchanged
from tests.symmetries.reading import read
from tests.symmetries.tables.models import IMAGES, plain

GROUPED = """
sizes: {g: 4}
tensors:
  "0.weight": (g a[g]) _ _ _
  "0.bias": (g a[g])
  "2.weight": (g o[g]) a[g] _ _
  "2.bias": (g o[g])
  "4.weight": _ (g o[g]) _ _
  "4.bias": _
"""
DEPTHWISE = """
tensors:
  "0.weight": p _ _ _
  "2.weight": p _ _ _
  "0.bias, 2.bias": p
  "4.weight": _ p _ _
  "4.bias": _
"""


@pytest.mark.parametrize(
    ("text", "groups", "width", "expected"),
    [(GROUPED, 4, 12, {"g": 1, "a": 1, "o": 1}), (DEPTHWISE, 8, 8, {"p": 1})],
)
def test_the_function_is_unchanged(text: str, groups: int, width: int, expected: dict[str, int]) -> None:
    module = nn.Sequential(
        nn.Conv2d(3, 8, 3),
        nn.ReLU(),
        nn.Conv2d(8, width, 3, groups=groups),
        nn.ReLU(),
        nn.Conv2d(width, 5, 3),
    )
    table, said = read(text)
    assert table is not None, said
    assert_unchanged(table, plain(module, IMAGES, torch.float64), expected)
