from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import yaml
from safetensors.numpy import save_file

import mergec

if TYPE_CHECKING:
    from pathlib import Path

SHAPES = {
    "0.weight": (4, 3),
    "0.bias": (4,),
    "2.weight": (5, 4),
    "2.bias": (5,),
    "4.weight": (2, 5),
    "4.bias": (2,),
}
ALIGNED = {"op": "align", "model": "b", "to": "a", "symmetry": "mlp"}


@pytest.fixture
def told(tmp_path: Path) -> Any:
    for name in ("a", "b", "c", "tuned"):
        save_file(
            {key: np.ones(shape, np.float32) for key, shape in SHAPES.items()},
            tmp_path / f"{name}.safetensors",
        )

    def check(models: dict[str, Any]) -> list[str]:
        recipe = {
            "mergec": 1,
            "sources": {name: f"{name}.safetensors" for name in ("a", "b", "c", "tuned")},
            "models": models,
            "output": {"model": list(models)[-1], "path": "out.safetensors"},
        }
        (tmp_path / "recipe.yaml").write_text(yaml.safe_dump(recipe, sort_keys=False))
        try:
            mergec.load(tmp_path / "recipe.yaml").check()
        except mergec.MergecError as error:
            return [f"{one.code} {one.message}" for one in error.errors]
        return []

    return check


class TestSound:
    def test_the_average_of_anchor_and_aligned(self, told: Any) -> None:
        assert not told({"aligned": ALIGNED, "out": "0.5 * a + 0.5 * aligned"})

    def test_a_task_vector_aligned_as_its_base(self, told: Any) -> None:
        task = {**ALIGNED, "model": "task", "using": "b"}
        assert not told({"task": "tuned - b", "moved": task, "out": "a + 0.7 * moved"})

    def test_a_chain_of_alignments(self, told: Any) -> None:
        second = {**ALIGNED, "model": "c", "to": "aligned"}
        assert not told({"aligned": ALIGNED, "second": second, "out": "0.5 * aligned + 0.5 * second"})

    def test_an_anchor_that_is_itself_in_another_order(self, told: Any) -> None:
        """c comes to b, b to a: what is in b's order goes on to a with b's permutations."""
        models = {
            "to_b": {**ALIGNED, "model": "c", "to": "b"},
            "both": "0.5 * b + 0.5 * to_b",
            "to_a": {**ALIGNED, "model": "both", "to": "a"},
            "out": "0.5 * a + 0.5 * to_a",
        }
        assert not told(models)

    def test_tensors_that_nothing_permutes_have_no_order(self, told: Any) -> None:
        graft = {"op": "graft", "into": "aligned", "from": "mean", "take": ["4.bias"]}
        assert not told({"aligned": ALIGNED, "mean": "0.5 * a + 0.5 * b", "out": graft})

    def test_an_alignment_that_the_output_does_not_use_says_nothing(self, told: Any) -> None:
        assert not told({"aligned": ALIGNED, "out": "0.5 * a + 0.5 * b"})

    def test_parts_in_two_orders_that_share_no_units(self, told: Any) -> None:
        """What the first layer makes stays, so that only the layers after it have an order of their own."""
        mean = "0.5 * a + 0.5 * aligned"
        graft = {"op": "graft", "into": "mean", "from": "b", "take": ["0.*"]}
        assert not told({"aligned": {**ALIGNED, "freeze": ["0/units"]}, "mean": mean, "out": graft})


class TestTorn:
    """Nothing is computed with values in two orders, but they would stand side by side in one network."""

    def test_a_layer_of_the_model_itself_in_the_aligned_average(self, told: Any) -> None:
        graft = {"op": "graft", "into": "mean", "from": "b", "take": ["0.*"]}
        (found,) = told({"aligned": ALIGNED, "mean": "0.5 * a + 0.5 * aligned", "out": graft})
        assert found == "MC0408 the units of `b` and `a` are in different orders: `0.bias` and 1 more"

    def test_a_layer_of_the_model_itself_in_the_aligned_one(self, told: Any) -> None:
        part = {"op": "select", "model": "b", "keep": ["4.weight"]}
        torn = {"op": "override", "base": "aligned", "with": ["part"]}
        (found,) = told({"aligned": ALIGNED, "part": part, "out": torn})
        assert found == "MC0408 the units of `b` and `aligned` are in different orders: `4.weight`"


class TestMixed:
    def test_with_the_model_itself(self, told: Any) -> None:
        (found,) = told({"aligned": ALIGNED, "out": "0.4 * a + 0.3 * b + 0.3 * aligned"})
        assert found.startswith("MC0408 the units of `b` and `a` are in different orders: `0.")

    def test_a_task_vector_of_the_aligned_model(self, told: Any) -> None:
        (found,) = told({"task": "tuned - b", "aligned": ALIGNED, "out": "0.5 * a + 0.5 * aligned + task"})
        assert found.startswith("MC0408 the units of `b` and `tuned`")

    def test_two_models_aligned_to_different_anchors(self, told: Any) -> None:
        other = {**ALIGNED, "model": "tuned", "to": "c"}
        mixed = "0.5 * a + 0.5 * aligned + tuned - other"
        (found,) = told({"aligned": ALIGNED, "other": other, "out": mixed})
        assert "`tuned`" in found

    def test_each_place_is_told_once(self, told: Any) -> None:
        models = {"aligned": ALIGNED, "x": "0.5 * a + 0.5 * b", "out": "0.5 * x + 0.5 * aligned"}
        assert len(told(models)) == 1
