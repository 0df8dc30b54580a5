"""Another method for each group of tensors."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from tests.methods.sample_methods import register

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.conftest import Workbench

BASE = np.array([[1.0, 2.0], [3.0, 4.0]], np.float32)
A = np.array([[2.0, 0.0], [5.0, 4.0]], np.float32)
B = np.array([[0.5, 2.5], [3.5, -4.0]], np.float32)
NAMES = ["layers.0.w", "layers.1.w", "norm.w", "head.w"]


@pytest.fixture
def three(bench: Workbench, monkeypatch: pytest.MonkeyPatch) -> Workbench:
    register(monkeypatch)
    for name, values in {"base": BASE, "a": A, "b": B}.items():
        bench.source(name, dict.fromkeys(NAMES, values))
    return bench


def blockwise(blocks: Mapping[str, object], **keys: object) -> dict[str, object]:
    return {"op": "blockwise", "base": "base", "blocks": blocks, **keys}


def test_each_group_gets_its_method(three: Workbench) -> None:
    made = three.build(
        blockwise(
            {
                "layers.[0:1].**": {"op": "blend", "scale": 2},
                "layers.**": {"op": "blend", "inputs": {"b": 1, "a": 0}},
                "norm.**": "keep",
                "**": {"op": "interpolate", "from": "a", "to": "b", "t": 0.5},
            },
            inputs={"a": {"weight": 0.25}, "b": {"weight": 0.5}},
        )
    )
    assert sorted(made) == sorted(NAMES)
    expected = [BASE + 0.5 * (A - BASE) + 1.0 * (B - BASE), B, BASE, 0.5 * A + 0.5 * B]
    for name, values in zip(NAMES, expected, strict=True):
        np.testing.assert_array_equal(made[name].values, values)


def test_it_is_the_same_as_one_operation_after_another(three: Workbench) -> None:
    blend = {"op": "blend", "base": "base", "inputs": {"a": 0.25, "b": 0.5}}
    chained = {
        "first": {**blend, "where": ["layers.**"]},
        "merged": {"op": "linear", "base": "first", "inputs": {"a": 0.5, "b": 0.5}, "where": ["head.**"]},
    }
    blocks = blockwise(
        {
            "layers.**": {"op": "blend"},
            "head.**": {"op": "linear", "inputs": {"a": 0.5, "b": 0.5}},
            "**": "keep",
        },
        inputs={"a": 0.25, "b": 0.5},
    )
    assert three.build(blocks) == three.build(chained)


def test_of_what_an_input_is_given_a_method_takes_what_it_knows(three: Workbench) -> None:
    inputs = {"a": {"weight": 0.25, "guide": "b"}, "b": {"weight": 0.75, "guide": "a"}}
    made = three.build(
        blockwise(
            {"layers.**": {"op": "guided"}, "norm.**": {"op": "heading"}, "**": {"op": "linear"}},
            inputs=inputs,
        )
    )
    np.testing.assert_array_equal(made["layers.0.w"].values, BASE + (0.25 * A * B + 0.75 * A * B))
    np.testing.assert_allclose(made["norm.w"].values, B, rtol=1e-6)
    np.testing.assert_array_equal(made["head.w"].values, 0.25 * A + 0.75 * B)


def test_keep_takes_the_first_input_where_there_is_no_base(three: Workbench) -> None:
    blocks = {"head.**": {"op": "linear"}, "**": "keep"}
    made = three.build({"op": "blockwise", "inputs": {"b": 0.5, "a": 0.5}, "blocks": blocks})
    np.testing.assert_array_equal(made["norm.w"].values, B)


def test_schedules_see_the_tensors_of_their_block(three: Workbench) -> None:
    blocks = {"layers.**": {"op": "linear", "inputs": {"a": {"weight": [0, 1]}, "b": "rest"}}, "**": "keep"}
    made = three.build(blockwise(blocks))
    np.testing.assert_array_equal(made["layers.0.w"].values, B)
    np.testing.assert_array_equal(made["layers.1.w"].values, A)


def test_the_plan_tells_which_method_a_tensor_gets(three: Workbench) -> None:
    blocks = {"layers.**": {"op": "blend"}, "**": "keep"}
    remarks = three.recipe(blockwise(blocks, inputs=["a", "b"])).check().checked.remarks
    assert [(remark.what, remark.names) for remark in remarks] == [
        ("by blend (`layers.**`)", ("layers.0.w", "layers.1.w")),
        ("kept from base (`**`)", ("norm.w", "head.w")),
    ]


class TestRefusals:
    def test_a_tensor_without_a_block(self, three: Workbench) -> None:
        assert three.codes(blockwise({"layers.**": "keep", "norm.*": "keep"})) == ["MC0380"]

    def test_a_pattern_that_matches_nothing(self, three: Workbench) -> None:
        assert three.codes(blockwise({"layer.**": "keep", "norm.*": "keep"})) == ["MC0125"]

    @pytest.mark.parametrize(
        ("block", "code"),
        [
            ({"op": "blend", "inputs": ["a", "b"], "skale": 2}, "MC0110"),
            ({"op": "blend"}, "MC0111"),
            ({"inputs": ["a", "b"]}, "MC0111"),
            ({"op": "blend", "inputs": ["a", "nobody"]}, "MC0302"),
            ({"op": "blend", "inputs": ["a", "b"], "scale": -1}, "MC0377"),
            ({"op": "blend", "inputs": ["a", "base"]}, "MC0379"),
            ({"op": "cast", "model": "a", "dtype": "float16"}, "MC0307"),
            ({"op": "median", "inputs": ["a", "b"]}, "MC0301"),
            ({"op": 7}, "MC0112"),
            ("drop", "MC0112"),
        ],
    )
    def test_inside_a_block(self, three: Workbench, block: object, code: str) -> None:
        assert three.codes(blockwise({"layers.**": block, "**": "keep"})) == [code]

    def test_a_parameter_that_no_method_knows(self, three: Workbench) -> None:
        blocks: dict[str, object] = {"layers.**": {"op": "blend"}, "**": {"op": "linear"}}
        inputs = {"a": {"weight": 0.5, "densty": 1}, "b": {"weight": 0.5}}
        assert three.codes(blockwise(blocks, inputs=inputs)) == ["MC0110"]

    def test_an_entry_that_earlier_ones_hide_is_a_warning(self, three: Workbench) -> None:
        made = three.recipe(
            blockwise({"**": "keep", "norm.*": {"op": "heading", "inputs": ["a", "b"]}})
        ).build(workers=1)
        assert [warning.code for warning in made.warnings] == ["MC0128"]
