"""Joints are judged on the output: what was mended on the way is no mistake."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pytest

import mergec

if TYPE_CHECKING:
    from tests.conftest import Workbench

GRAFT = {"op": "graft", "into": "a", "from": "b"}


def llava(width: int, hidden: int = 4) -> dict[str, Any]:
    shapes: dict[str, tuple[int, ...]] = {
        "vision_tower.embeddings.patch_embedding.weight": (width, 3, 2, 2),
        "multi_modal_projector.linear_1.weight": (hidden, width),
        "multi_modal_projector.linear_2.weight": (hidden, hidden),
        "language_model.model.embed_tokens.weight": (9, hidden),
    }
    return {name: np.ones(shape, np.float32) for name, shape in shapes.items()}


@pytest.fixture(autouse=True)
def _sources(bench: Workbench) -> None:
    bench.source("a", llava(3))
    bench.source("b", llava(5))


def refused(bench: Workbench, models: object) -> list[str]:
    with pytest.raises(mergec.MergecError) as caught:
        bench.recipe(models).check()
    return [error.message for error in caught.value.errors]


@pytest.mark.parametrize("order", [["vision_tower", "connector"], ["connector", "vision_tower"]])
def test_a_later_graft_may_mend_it(bench: Workbench, order: list[str]) -> None:
    first, second = order
    models = {"one": {**GRAFT, "component": first}, "two": {**GRAFT, "into": "one", "component": second}}
    said = [
        remark.what for remark in bench.recipe(models).check().checked.remarks if remark.model == "output"
    ]
    assert said == ["connector input 5 = vision tower width 5", "connector output 4 = hidden size 4"]


def test_so_may_new_tensors(bench: Workbench) -> None:
    name = "multi_modal_projector.linear_1.weight"
    models = {
        "tower": {**GRAFT, "component": "vision_tower"},
        "fresh": {"op": "init", "tensors": {name: {"shape": [4, 5], "fill": {"normal": 0.02}}}},
        "merged": {"op": "override", "base": "tower", "with": ["fresh"]},
    }
    bench.recipe(models).check()


def test_what_stays_is_refused_with_both_figures(bench: Workbench) -> None:
    expected = ["the components do not fit: connector input 3 != vision tower width 5"]
    assert refused(bench, {**GRAFT, "component": "vision_tower"}) == expected


def test_every_joint_of_the_output_is_judged(bench: Workbench) -> None:
    bench.source("c", llava(5, hidden=6))
    assert len(refused(bench, {**GRAFT, "from": "c", "component": "connector"})) == 2


def test_an_output_without_moved_components_is_as_its_sources_are(bench: Workbench) -> None:
    bench.source("a", {**llava(3), "multi_modal_projector.linear_1.weight": np.ones((4, 7), np.float32)})
    compiled = bench.recipe({**GRAFT, "take": ["vision_tower.**"]}).check()
    assert [remark for remark in compiled.checked.remarks if remark.model == "output"] == []


def test_a_part_of_a_model_has_no_joints(bench: Workbench) -> None:
    models = {
        "tower": {**GRAFT, "component": "vision_tower"},
        "eyes": {"op": "select", "model": "tower", "keep": ["vision_tower.**"]},
    }
    bench.recipe(models).check()


class TestAHeadThatStayed:
    LANGUAGE: ClassVar = {**GRAFT, "component": "language_model"}

    def warned(self, bench: Workbench, models: object, head: str = "lm_head", rows: int = 12) -> list[str]:
        for name, words in (("a", 9), ("b", rows)):
            tensors = {
                "model.embed_tokens.weight": np.ones((words, 4), np.float32),
                f"{head}.weight": np.ones((words, 4), np.float32),
            }
            bench.source(name, tensors)
        recipe = bench.recipe(models)
        recipe.check()
        return [warning.message for warning in recipe.warnings]

    def test_is_told_of_where_its_rows_are_others(self, bench: Workbench) -> None:
        said = "the head has 9 rows, and the vocabulary of the language model 12"
        assert self.warned(bench, self.LANGUAGE) == [said]

    def test_is_not_where_they_are_as_many(self, bench: Workbench) -> None:
        assert self.warned(bench, self.LANGUAGE, rows=9) == []

    def test_is_not_where_it_is_no_head_of_words(self, bench: Workbench) -> None:
        assert self.warned(bench, self.LANGUAGE, head="score") == []

    @pytest.mark.parametrize("order", [["language_model", "head"], ["head", "language_model"]])
    def test_is_not_where_it_came_as_well(self, bench: Workbench, order: list[str]) -> None:
        first, second = order
        models = {"one": {**GRAFT, "component": first}, "two": {**GRAFT, "into": "one", "component": second}}
        assert self.warned(bench, models) == []
