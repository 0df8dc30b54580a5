from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

if TYPE_CHECKING:
    from tests.conftest import Workbench

BASE = np.array([1.0, 2.0, 3.0], np.float32)
MATH = np.array([1.5, 2.0, 2.0], np.float32)
CODE = np.array([0.0, 4.0, 3.0], np.float32)

DELTA = {"op": "delta", "of": "math", "base": "base"}


@pytest.fixture
def three(bench: Workbench) -> Workbench:
    for name, values in {"base": BASE, "math": MATH, "code": CODE}.items():
        bench.source(name, {"w": values})
    return bench


def apply(deltas: dict[str, object], base: str = "base") -> dict[str, object]:
    return {"op": "apply", "base": base, "deltas": deltas}


def values(bench: Workbench, model: Any, **output: object) -> Any:
    return bench.build(model, **output)["w"].values


def test_a_delta_is_a_difference_and_no_model(three: Workbench) -> None:
    assert three.codes(DELTA) == ["MC0405"]
    np.testing.assert_array_equal(values(three, DELTA, kind="delta"), MATH - BASE)


def test_weights_are_no_delta(three: Workbench) -> None:
    assert three.codes("0.5 * math + 0.5 * code", kind="delta") == ["MC0405"]


def test_deltas_are_added_in_order(three: Workbench) -> None:
    models = {"d": DELTA, "e": "code - base", "merged": apply({"d": 0.5, "e": -0.25})}
    expected = BASE + (MATH - BASE) * np.float32(0.5) + (CODE - BASE) * np.float32(-0.25)
    np.testing.assert_array_equal(values(three, models), expected)


def test_a_whole_model_is_no_delta(three: Workbench) -> None:
    assert three.codes(apply({"math": 1.0})) == ["MC0404"]


def test_a_file_of_differences_says_so(three: Workbench) -> None:
    three.source("patch", {"w": MATH - BASE}, kind="delta")
    np.testing.assert_array_equal(values(three, apply({"patch": 1})), BASE + (MATH - BASE))


def test_the_degree_of_arithmetic_is_the_weighted_sum(three: Workbench) -> None:
    np.testing.assert_array_equal(
        values(three, "base + 0.4 * (math - base) + 0.3 * (code - base)"),
        BASE + (MATH - BASE) * np.float32(0.4) + (CODE - BASE) * np.float32(0.3),
    )
    assert three.codes("base + 0.4 * math") == ["MC0405"]
    assert three.codes("base + math - base", kind="delta") == ["MC0405"]


def test_a_delta_of_deltas_stays_one(three: Workbench) -> None:
    models = {"d": DELTA, "merged": "base + 2 * d - d"}
    delta = MATH - BASE
    np.testing.assert_array_equal(values(three, models), BASE + delta * np.float32(2) - delta)


def test_arithmetic_and_operations_give_the_same_bytes(three: Workbench) -> None:
    models = {"d": DELTA, "merged": apply({"d": 0.4})}
    assert three.build(models) == three.build("base + 0.4 * (math - base)")
