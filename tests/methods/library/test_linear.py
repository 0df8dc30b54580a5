from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

if TYPE_CHECKING:
    from tests.conftest import Workbench

A = np.array([[1.0, 2.0], [3.0, 4.0]], np.float32)
B = np.array([[10.0, 20.0], [30.0, 40.0]], np.float32)


@pytest.fixture
def two(bench: Workbench) -> Workbench:
    bench.source("a", {"x.0.w": A, "y.1.w": A})
    bench.source("b", {"x.0.w": B, "y.1.w": B})
    return bench


def linear(a: object, b: object, **keys: object) -> dict[str, object]:
    return {"op": "linear", "inputs": {"a": a, "b": b}, **keys}


def test_sums_weighted_models(two: Workbench) -> None:
    made = two.build(linear(0.25, 0.75))
    assert made["x.0.w"].code == "F32"
    np.testing.assert_array_equal(made["x.0.w"].values, 0.25 * A + 0.75 * B)


def test_a_weight_may_be_written_by_its_name(two: Workbench) -> None:
    assert two.build(linear({"weight": 0.25}, {"weight": 0.75})) == two.build(linear(0.25, 0.75))


def test_rest_is_one_minus_the_others_tensor_by_tensor(two: Workbench) -> None:
    made = two.build(linear({"weight": {"x.**": 0.25, "**": 0.5}}, {"weight": "rest"}))
    np.testing.assert_array_equal(made["x.0.w"].values, 0.25 * A + 0.75 * B)
    np.testing.assert_array_equal(made["y.1.w"].values, 0.5 * A + 0.5 * B)


def test_two_rests_are_refused(two: Workbench) -> None:
    assert two.codes(linear("rest", "rest")) == ["MC0310"]


def test_weights_that_do_not_sum_to_one_are_refused(two: Workbench) -> None:
    assert two.codes(linear(0.6, 0.5)) == ["MC0403"]


def test_allow_scaling_lets_them_sum_to_what_they_do(two: Workbench) -> None:
    made = two.build(linear(0.5, 0.25, allow_scaling=True))
    np.testing.assert_array_equal(made["x.0.w"].values, 0.5 * A + 0.25 * B)


def test_normalize_divides_by_the_sum(two: Workbench) -> None:
    made = two.build(linear(1, 3, normalize=True))
    np.testing.assert_array_equal(made["x.0.w"].values, 0.25 * A + 0.75 * B)


def test_weights_that_sum_to_zero_cannot_be_normalised(two: Workbench) -> None:
    assert two.codes(linear(1, -1, normalize=True)) == ["MC0307"]


def test_no_inputs_are_refused(two: Workbench) -> None:
    assert two.codes({"op": "linear", "inputs": {}}) == ["MC0112"]


def test_a_model_without_a_weight_is_refused(two: Workbench) -> None:
    assert two.codes({"op": "linear", "inputs": ["a", "b"]}) == ["MC0111", "MC0111"]


def test_a_tensor_of_weight_zero_takes_no_part_even_where_it_is_infinite(bench: Workbench) -> None:
    bench.source("a", {"w": A})
    bench.source("b", {"w": np.full_like(A, np.inf)})
    np.testing.assert_array_equal(bench.build(linear(1, 0))["w"].values, A)


def test_a_warning_about_a_schedule_does_not_lose_the_tensors(two: Workbench) -> None:
    shadowed = {"weight": {"**": 0.25, "x.**": 0.9}}
    recipe = two.recipe(linear(shadowed, "rest"))
    made = recipe.build(workers=1)
    assert [warning.code for warning in made.warnings] == ["MC0128"]
    assert two.build(linear(shadowed, "rest")) == two.build(linear(0.25, 0.75))


def test_deltas_may_have_any_weights(bench: Workbench) -> None:
    bench.source("a", {"w": A}, kind="delta")
    bench.source("b", {"w": B}, kind="delta")
    made = bench.build(linear(0.5, 2), kind="delta")
    np.testing.assert_array_equal(made["w"].values, np.float32(0.5) * A + 2 * B)
