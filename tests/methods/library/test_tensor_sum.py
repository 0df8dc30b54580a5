from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from tests.conftest import bf16

if TYPE_CHECKING:
    from tests.conftest import Array, Workbench

WINDOW = {"op": "tensor_sum", "a": "a", "b": "b", "alpha": 0.5, "beta": 0.25}
VALUES = np.array([1.0, 2.5, -3.0, 0.1])


@pytest.mark.parametrize("other", [np.float32, np.float64])
def test_models_of_two_dtypes_make_one_of_the_first(bench: Workbench, other: type[np.float32]) -> None:
    first, second = VALUES.astype(np.float16), (VALUES + 0.1).astype(other)
    bench.source("a", {"w": first})
    bench.source("b", {"w": second})
    made = bench.build(WINDOW)["w"]
    assert made.code == "F16"
    np.testing.assert_array_equal(made.values, window(first, second.astype(np.float16)))


def test_what_is_wider_is_not_rounded_where_a_wider_output_is_asked_for(bench: Workbench) -> None:
    second = (VALUES + 0.1).astype(np.float32)
    bench.source("a", {"w": bf16(VALUES.astype(np.float32))})
    bench.source("b", {"w": second})
    made = bench.build(WINDOW, dtype="float32")["w"].values
    np.testing.assert_array_equal(made[1:3], second[1:3])


def window(first: Array, second: Array) -> Array:
    return np.concatenate([first[:1], second[1:3], first[3:]])
