"""What a declaration of a method says, and what a recipe gets for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from tests.methods.sample_methods import register

if TYPE_CHECKING:
    from tests.conftest import Workbench

BASE = np.array([[1.0, 2.0], [3.0, 4.0]], np.float32)
A = np.array([[2.0, 0.0], [5.0, 4.0]], np.float32)
B = np.array([[0.5, 2.5], [3.5, -4.0]], np.float32)


@pytest.fixture
def three(bench: Workbench, monkeypatch: pytest.MonkeyPatch) -> Workbench:
    register(monkeypatch)
    for name, values in {"base": BASE, "a": A, "b": B}.items():
        bench.source(name, {"x.0.w": values, "y.1.w": values})
    return bench


def blend(inputs: object, **keys: object) -> dict[str, object]:
    return {"op": "blend", "base": "base", "inputs": inputs, **keys}


class TestInputs:
    def test_a_list_takes_the_defaults_of_all_schedules(self, three: Workbench) -> None:
        made = three.build(blend(["a", "b"]))
        np.testing.assert_array_equal(made["x.0.w"].values, BASE + 0.25 * (A - BASE) + 0.25 * (B - BASE))

    def test_a_number_stands_for_the_first_schedule(self, three: Workbench) -> None:
        assert three.build(blend({"a": 0.5, "b": 0})) == three.build(
            blend({"a": {"weight": 0.5}, "b": {"weight": 0}})
        )

    def test_too_few_are_refused(self, three: Workbench) -> None:
        assert three.codes(blend(["a"])) == ["MC0378"]

    def test_too_many_are_refused(self, three: Workbench) -> None:
        for name in "cd":
            three.source(name, {"x.0.w": A, "y.1.w": A})
        assert three.codes(blend(["a", "b", "c", "d"])) == ["MC0378"]
        three.build(blend(["a", "b", "c"]))

    def test_the_base_is_none_of_them(self, three: Workbench) -> None:
        assert three.codes(blend(["a", "base"])) == ["MC0379"]
        assert three.codes(blend({"a": 0.5, "base": 0.5})) == ["MC0379"]

    def test_a_model_is_listed_once(self, three: Workbench) -> None:
        assert three.codes(blend(["a", "b", "a"])) == ["MC0307"]

    def test_the_base_is_needed(self, three: Workbench) -> None:
        assert three.codes({"op": "blend", "inputs": ["a", "b"]}) == ["MC0111"]


class TestRange:
    @pytest.mark.parametrize("weight", [1.5, -0.25, {"x.**": 1, "**": 1.5}, [1.25, 0.5]])
    def test_of_a_schedule_per_model(self, three: Workbench, weight: object) -> None:
        assert three.codes(blend({"a": weight, "b": 0.5})) == ["MC0377"]

    def test_its_ends_are_in_it(self, three: Workbench) -> None:
        made = three.build(blend({"a": 1, "b": 0}))
        np.testing.assert_array_equal(made["x.0.w"].values, A)

    def test_an_end_may_be_left_out(self, three: Workbench) -> None:
        assert three.codes(blend(["a", "b"], scale=0)) == ["MC0377"]
        three.build(blend(["a", "b"], scale=1e-9))

    def test_of_a_number_for_all_tensors(self, three: Workbench) -> None:
        assert three.codes(blend(["a", "b"], power=4)) == ["MC0112"]
        three.build(blend(["a", "b"], power=3))

    def test_a_number_for_all_tensors_is_no_schedule(self, three: Workbench) -> None:
        assert three.codes(blend(["a", "b"], power={"**": 1.0})) == ["MC0112"]

    def test_holds_for_rest(self, three: Workbench) -> None:
        three.source("c", {"x.0.w": A, "y.1.w": A})
        assert three.codes(blend({"a": 0.75, "b": 0.5, "c": "rest"})) == ["MC0377"]


class TestDegrees:
    def test_weights_are_asked_of_the_list(self, three: Workbench) -> None:
        models = {"task": "b - base", "merged": blend(["a", "task"])}
        assert three.codes(models) == ["MC0409"]

    def test_weights_are_asked_of_the_base(self, three: Workbench) -> None:
        models = {"task": "b - base", "merged": {**blend(["a", "b"]), "base": "task"}}
        assert three.codes(models) == ["MC0409"]

    def test_deltas_are_asked(self, three: Workbench) -> None:
        assert three.codes({"op": "apply", "base": "base", "deltas": ["a"]}) == ["MC0111"]
        assert three.codes({"op": "apply", "base": "base", "deltas": {"a": 1}}) == ["MC0404"]

    def test_the_result_has_the_degree_of_its_models(self, three: Workbench) -> None:
        three.build({"op": "heading", "inputs": ["a", "b"]})
        three.source("d", {"x.0.w": A, "y.1.w": A}, kind="delta")
        three.source("e", {"x.0.w": B, "y.1.w": B}, kind="delta")
        three.build({"op": "heading", "inputs": ["d", "e"]}, kind="delta")
        assert three.codes({"op": "heading", "inputs": ["d", "e"]}) == ["MC0405"]

    def test_models_of_which_one_is_a_delta_have_none_in_common(self, three: Workbench) -> None:
        three.source("d", {"x.0.w": A, "y.1.w": A}, kind="delta")
        assert three.codes({"op": "heading", "inputs": ["a", "d"]}) == ["MC0409"]
        assert three.codes({"op": "heading", "inputs": ["d", "a"]}, kind="delta") == ["MC0404"]


class TestCompanions:
    def test_each_model_has_its_own(self, three: Workbench) -> None:
        model = {
            "op": "guided",
            "inputs": {"a": {"weight": 2, "guide": "b"}, "b": {"weight": 1, "guide": "base"}},
        }
        made = three.build(model)
        np.testing.assert_array_equal(made["x.0.w"].values, 2 * A * B + B * BASE)
        made = three.build({**model, "base": "base"})
        np.testing.assert_array_equal(made["x.0.w"].values, BASE + (2 * A * B + B * BASE))

    def test_a_model_without_one_is_refused(self, three: Workbench) -> None:
        model = {"op": "guided", "inputs": {"a": {"weight": 2, "guide": "b"}, "b": 1}}
        assert three.codes(model) == ["MC0111"]

    def test_what_is_no_name_is_refused(self, three: Workbench) -> None:
        model = {"op": "guided", "inputs": {"a": {"weight": 2, "guide": 0.5}}}
        assert three.codes(model) == ["MC0112"]

    def test_an_unknown_name_is_refused(self, three: Workbench) -> None:
        model = {"op": "guided", "inputs": {"a": {"weight": 2, "guide": "nobody"}}}
        assert three.codes(model) == ["MC0302"]


class TestSurvey:
    def test_sees_the_arguments_of_all_tensors(self, three: Workbench) -> None:
        model = {"op": "shared", "model": "a", "share": {"x.**": 0.25, "**": 0.75}}
        made = three.build(model)
        np.testing.assert_array_equal(made["x.0.w"].values, 0.25 * A)
        np.testing.assert_array_equal(made["y.1.w"].values, 0.75 * A)

    def test_what_it_finds_wrong_is_told_once(self, three: Workbench) -> None:
        assert three.codes({"op": "shared", "model": "a", "share": 0.25}) == ["MC0307"]


class TestArithmetic:
    def test_float64_rounds_once(self, bench: Workbench) -> None:
        tiny = np.array([1.0, 2.0**-30], np.float32)
        bench.source("a", {"w": tiny})
        bench.source("b", {"w": np.array([-1.0, 1.0], np.float32)})
        bench.source("c", {"w": np.array([2.0**-30, 0.0], np.float32)})
        model = {"op": "linear", "inputs": {"a": 1, "b": 1, "c": 1}, "allow_scaling": True}
        assert bench.build(model)["w"].values.tolist() == [2.0**-30, 1.0]
        wide = bench.build({**model, "inputs": {"a": 1, "c": 1, "b": 1}, "arithmetic": "float64"})["w"]
        assert wide.code == "F32"
        assert wide.values.tolist() == [2.0**-30, 1.0]
        narrow = bench.build({**model, "inputs": {"a": 1, "c": 1, "b": 1}})["w"]
        assert narrow.values.tolist() == [0.0, 1.0]


class TestRandom:
    def test_each_model_and_tensor_has_its_own_values(self, three: Workbench) -> None:
        made = three.build({"op": "jittered", "inputs": ["a", "b"]})
        assert not np.array_equal(made["x.0.w"].values, made["y.1.w"].values)
        one = three.build({"op": "jittered", "inputs": ["a"]})["x.0.w"].values
        with np.errstate(invalid="ignore"):
            factors = one / A, made["x.0.w"].values / one
        assert not np.allclose(*factors, equal_nan=True)
        assert all(np.nanmin(factor) >= 0 and np.nanmax(factor) < 1 for factor in factors)

    def test_values_belong_to_names_not_to_places(self, three: Workbench) -> None:
        three.source("same", {"y.1.w": A, "x.0.w": A})
        orders = (["a", "same"], ["same", "a"])
        one, other = (three.build({"op": "jittered", "inputs": names}) for names in orders)
        for name in one:  # multiplied in another order
            np.testing.assert_allclose(one[name].values, other[name].values, rtol=1e-6)

    def test_the_seed_chooses_them(self, three: Workbench) -> None:
        first = three.build({"op": "jittered", "inputs": ["a"]})
        assert first == three.build({"op": "jittered", "inputs": ["a"], "seed": 0})
        assert first != three.build({"op": "jittered", "inputs": ["a"], "seed": 1})

    def test_a_method_without_random_values_has_no_seed(self, three: Workbench) -> None:
        assert three.codes({"op": "heading", "inputs": ["a", "b"], "seed": 1}) == ["MC0110"]
