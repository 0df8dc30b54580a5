from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

if TYPE_CHECKING:
    from tests.conftest import Workbench

A = np.array([1.0, -2.0, 3.5], np.float32)
B = np.array([9.0, 6.0, 0.5], np.float32)


@pytest.fixture
def two(bench: Workbench) -> Workbench:
    bench.source("a", {"h.0.w": A, "h.1.w": A, "h.2.w": A})
    bench.source("b", {"h.0.w": B, "h.1.w": B, "h.2.w": B})
    return bench


def interpolate(t: object, **keys: object) -> dict[str, object]:
    return {"op": "interpolate", "from": "a", "to": "b", "t": t, **keys}


@pytest.mark.parametrize("t", [0.25, 0.1, -0.5, 1.5])
def test_lies_on_the_line_between_and_beyond(two: Workbench, t: float) -> None:
    made = two.build(interpolate(t))["h.0.w"].values
    np.testing.assert_array_equal(made, A * np.float32(1 - t) + B * np.float32(t))


@pytest.mark.parametrize(("t", "end"), [(0, A), (1, B)])
def test_the_ends_are_the_models_themselves(two: Workbench, t: int, end: np.ndarray) -> None:
    recipe = two.recipe(interpolate(t))
    np.testing.assert_array_equal(two.build(interpolate(t))["h.0.w"].values, end)
    assert recipe.plan().bytes_copied == 3 * A.nbytes


def test_a_gradient_runs_over_the_blocks(two: Workbench) -> None:
    made = two.build(interpolate([0.0, 1.0]))
    np.testing.assert_array_equal(made["h.0.w"].values, A)
    np.testing.assert_array_equal(made["h.1.w"].values, A * np.float32(0.5) + B * np.float32(0.5))
    np.testing.assert_array_equal(made["h.2.w"].values, B)


def test_rest_has_no_meaning(two: Workbench) -> None:
    assert two.codes(interpolate("rest")) == ["MC0112"]
