"""`where`, `missing`, `base`, and integer tensors: what all merge methods share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

if TYPE_CHECKING:
    from tests.conftest import Workbench

A = np.array([1.0, 2.0], np.float32)
B = np.array([3.0, 6.0], np.float32)
IDS = np.arange(4, dtype=np.int64)
HALF = {"op": "linear", "inputs": {"a": 0.5, "b": 0.5}}


def remarks(bench: Workbench, model: object) -> dict[str, tuple[str, ...]]:
    return {remark.what: remark.names for remark in bench.recipe(model).check().checked.remarks}


def keys(**more: object) -> dict[str, object]:
    return {**HALF, **more}


class TestWhere:
    @pytest.fixture(autouse=True)
    def _sources(self, bench: Workbench) -> None:
        bench.source("a", {"x.w": A, "y.w": A})
        bench.source("b", {"x.w": B, "y.w": B})
        bench.source("c", {"x.w": A + B, "y.w": A + B})

    def test_other_tensors_come_from_the_first_input(self, bench: Workbench) -> None:
        made = bench.build(keys(where=["x.**"]))
        np.testing.assert_array_equal(made["x.w"].values, 0.5 * A + 0.5 * B)
        np.testing.assert_array_equal(made["y.w"].values, A)

    def test_other_tensors_come_from_base(self, bench: Workbench) -> None:
        made = bench.build(keys(where=["x.**"], base="c"))
        np.testing.assert_array_equal(made["x.w"].values, 0.5 * A + 0.5 * B)
        np.testing.assert_array_equal(made["y.w"].values, A + B)

    def test_a_pattern_that_matches_nothing_is_refused(self, bench: Workbench) -> None:
        assert bench.codes(keys(where=["z.**"])) == ["MC0125"]

    def test_schedules_see_only_these_tensors(self, bench: Workbench) -> None:
        model = {"op": "linear", "where": ["x.**"], "inputs": {"a": {"weight": {"x.**": 0.5}}, "b": 0.5}}
        assert set(bench.build(model)) == {"x.w", "y.w"}


class TestMissing:
    @pytest.fixture(autouse=True)
    def _sources(self, bench: Workbench) -> None:
        bench.source("a", {"both": A, "only_a": A})
        bench.source("b", {"both": B, "only_b": B})

    def test_is_an_error(self, bench: Workbench) -> None:
        assert bench.codes(HALF) == ["MC0306"]

    def test_skip_leaves_them_out_and_says_so(self, bench: Workbench) -> None:
        assert set(bench.build(keys(missing="skip"))) == {"both"}
        assert remarks(bench, keys(missing="skip")) == {"not in all inputs, left out": ("only_a", "only_b")}

    def test_base_takes_those_of_the_first_input_and_says_so(self, bench: Workbench) -> None:
        made = bench.build(keys(missing="base"))
        assert set(made) == {"both", "only_a"}
        np.testing.assert_array_equal(made["only_a"].values, A)
        assert remarks(bench, keys(missing="base")) == {
            "not in all inputs, taken from a": ("only_a",),
            "not in all inputs, left out": ("only_b",),
        }

    def test_arithmetic_has_no_choice(self, bench: Workbench) -> None:
        assert bench.codes("0.5 * a + 0.5 * b") == ["MC0306"]


class TestIntegers:
    def test_equal_ones_are_carried_along(self, bench: Workbench) -> None:
        bench.source("a", {"w": A, "ids": IDS})
        bench.source("b", {"w": B, "ids": IDS})
        np.testing.assert_array_equal(bench.build(HALF)["ids"].values, IDS)
        assert remarks(bench, HALF) == {"not averaged, must be equal": ("ids",)}

    @pytest.mark.parametrize("model", [HALF, "0.5 * a + 0.5 * b"])
    @pytest.mark.parametrize("dtype", [np.int64, np.int32, np.uint8, np.bool_])
    def test_different_ones_are_refused(self, bench: Workbench, model: object, dtype: Any) -> None:
        bench.source("a", {"w": A, "ids": np.zeros(4, dtype)})
        bench.source("b", {"w": B, "ids": np.ones(4, dtype)})
        assert bench.codes(model) == ["MC0701"]

    def test_base_says_whose_to_take(self, bench: Workbench) -> None:
        bench.source("a", {"w": A, "ids": IDS})
        bench.source("b", {"w": B, "ids": IDS + 1})
        np.testing.assert_array_equal(bench.build(keys(base="b"))["ids"].values, IDS + 1)
        assert remarks(bench, keys(base="b")) == {"not averaged, taken from b": ("ids",)}

    def test_those_of_another_dtype_do_not_mix(self, bench: Workbench) -> None:
        bench.source("a", {"ids": IDS})
        bench.source("b", {"ids": IDS.astype(np.int32)})
        assert bench.codes(HALF) == ["MC0402"]

    def test_integers_and_floats_do_not_mix(self, bench: Workbench) -> None:
        bench.source("a", {"w": A})
        bench.source("b", {"w": B.astype(np.int32)})
        assert bench.codes(HALF) == ["MC0402"]

    def test_a_delta_carries_those_of_its_base(self, bench: Workbench) -> None:
        bench.source("a", {"w": A, "ids": IDS})
        bench.source("b", {"w": B, "ids": IDS + 1})
        made = bench.build({"op": "delta", "of": "a", "base": "b"}, kind="delta")
        np.testing.assert_array_equal(made["ids"].values, IDS + 1)


def test_shapes_must_agree(bench: Workbench) -> None:
    bench.source("a", {"w": A})
    bench.source("b", {"w": np.zeros(3, np.float32)})
    assert bench.codes(HALF) == ["MC0401"]


def test_scalars_and_empty_tensors_are_merged(bench: Workbench) -> None:
    bench.source("a", {"scale": np.array(2.0, np.float32), "none": np.zeros((0, 3), np.float32)})
    bench.source("b", {"scale": np.array(4.0, np.float32), "none": np.zeros((0, 3), np.float32)})
    made = bench.build(HALF)
    assert made["scale"].values == 3.0
    assert made["scale"].shape == ()
    assert made["none"].shape == (0, 3)
