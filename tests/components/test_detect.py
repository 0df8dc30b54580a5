"""Names by component: which layout is taken, and what is left unknown."""

from __future__ import annotations

import pytest

from mergec.components.detect import components_of
from mergec.components.layout import Layout, layouts

LLAVA = [
    "model.vision_tower.vision_tower.vision_model.encoder.layers.0.w",
    "model.mm_projector.0.weight",
    "model.image_newline",
    "model.layers.0.w",
    "lm_head.weight",
]


def test_the_longest_prefix_decides() -> None:
    found = components_of(["visual.blocks.0.w", "visual.merger.mlp.0.weight", "model.layers.0.w"])
    assert found.components["vision_tower"].names == ("visual.blocks.0.w",)
    assert found.components["connector"].names == ("visual.merger.mlp.0.weight",)


def test_prefixes_are_whole_segments() -> None:
    found = components_of(["visual.blocks.0.w", "visual.merger_2.w", "visuals.w", "model.layers.0.w"])
    assert found.components["vision_tower"].names == ("visual.blocks.0.w", "visual.merger_2.w")
    assert found.unknown == ("visuals.w",)


def test_components_come_in_the_order_of_the_table_and_names_in_that_of_the_file() -> None:
    found = components_of([*LLAVA[::-1], "model.layers.0.v"])
    assert list(found.components) == ["vision_tower", "connector", "language_model", "head"]
    assert found.components["language_model"].names == ("model.layers.0.w", "model.layers.0.v")
    assert found.components["connector"].prefixes == ("model.mm_projector", "model.image_newline")
    assert str(found.layout) == "llava (as its authors have it)"


def test_a_name_that_belongs_nowhere_is_unknown() -> None:
    found = components_of([*LLAVA, "model.extra.w", "step"])
    assert found.unknown == ("model.extra.w", "step")
    assert found.place_of("step") is None


@pytest.mark.parametrize("names", [["encoder.0.w", "decoder.0.w"], []])
def test_names_of_no_family(names: list[str]) -> None:
    found = components_of(names)
    assert found.layout is None
    assert not found.is_ambiguous
    assert found.components == {}
    assert found.unknown == tuple(names)


def test_layers_by_themselves_are_no_language_model() -> None:
    assert components_of(["layers.0.weight", "layers.1.weight"]).layout is None


class TestSeveralFamilies:
    NAMES = ("audio_tower.proj.weight", "audio_tower.proj.bias")

    def test_that_divide_the_names_differently_are_not_chosen_from(self) -> None:
        found = components_of(self.NAMES)
        assert found.is_ambiguous
        assert found.components == {}
        assert {layout.name for layout in found.candidates} == {"audio-llm", "qwen-omni-thinker"}

    @pytest.mark.parametrize(
        ("model_type", "component"),
        [("qwen2_audio", "audio_tower"), ("qwen2_5_omni_thinker", "connector")],
    )
    def test_are_told_apart_by_the_config(self, model_type: str, component: str) -> None:
        found = components_of(self.NAMES, {"model_type": model_type})
        assert list(found.components) == [component]

    def test_that_divide_the_names_in_the_same_way_are_one(self) -> None:
        found = components_of(["model.layers.0.w", "model.norm.weight"])
        assert not found.is_ambiguous
        assert found.layout is not None
        assert found.layout.name == "llama"
        assert len(found.candidates) > 1

    def test_the_config_does_not_outweigh_the_names(self) -> None:
        found = components_of(LLAVA, {"model_type": "gpt2"})
        assert found.layout is not None
        assert found.layout.name == "llava"


@pytest.mark.parametrize("layout", layouts(), ids=str)
def test_every_layout_is_found_by_its_own_places(layout: Layout) -> None:
    names = {f"{place.prefix}.weight": place.component for place in layout.places}
    found = components_of(names)
    assert found.unknown == ()
    assert {name: one.name for one in found.components.values() for name in one.names} == names
