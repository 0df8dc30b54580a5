"""What config.json says after a component has moved."""

from __future__ import annotations

from typing import Any

import pytest

from mergec.components.config_changes import DescribedModel, config_changes, is_left_as_it_was
from mergec.components.detect import components_of
from mergec.ir.config_edit import edited_config

HF = ["vision_tower.w", "multi_modal_projector.linear_1.weight", "language_model.model.layers.0.w"]
ORIGINAL = ["model.vision_tower.w", "model.mm_projector.0.weight", "model.layers.0.w"]
EYES = {"model_type": "clip_vision_model", "hidden_size": 8}
OTHER_EYES = {"model_type": "siglip_vision_model", "hidden_size": 9}


Model = tuple[list[str], dict[str, Any]]


def described(model: Model, component: str) -> DescribedModel:
    names, config = model
    return DescribedModel.of(components_of(names, config), config, component)


def result(component: str, donor: Model, into: Model, width: int | None = None) -> dict[str, Any]:
    """The config of `into` after the move."""
    changes = config_changes(component, described(donor, component), described(into, component), width)
    return edited_config(into[1], changes)


@pytest.mark.parametrize(
    ("donor", "into", "is_left"),
    [
        ((HF, {"vision_config": OTHER_EYES}), (HF, {"vision_config": EYES}), False),
        ((HF, {"vision_config": EYES}), (HF, {"vision_config": EYES}), False),
        ((HF, {}), (HF, {"vision_config": EYES}), True),
        ((HF, {"vision_config": EYES}), (ORIGINAL, {"mm_vision_tower": "one", "mm_hidden_size": 8}), True),
        ((ORIGINAL, {"mm_vision_tower": "one"}), (HF, {"vision_config": EYES}), True),
        ((HF, {"vision_config": EYES}), (HF, {"model_type": "llava"}), False),
        ((HF, {"vision_config": EYES}), (HF, {}), False),
    ],
)
def test_a_description_of_another_tower_is_noticed(donor: Model, into: Model, is_left: bool) -> None:  # noqa: FBT001
    models = (described(donor, "vision_tower"), described(into, "vision_tower"))
    changes = config_changes("vision_tower", *models, 9)
    assert is_left_as_it_was("vision_tower", changes, models[1]) is is_left


def test_a_connector_is_described_by_its_tensors() -> None:
    into = described((HF, {"projector_hidden_act": "gelu"}), "connector")
    assert not is_left_as_it_was("connector", [], into)


def test_a_tower_takes_its_config_with_it() -> None:
    into = {"model_type": "llava", "vision_config": EYES, "vision_feature_layer": -2, "text_config": {"a": 1}}
    donor = {"vision_config": OTHER_EYES, "vision_feature_layer": -1, "text_config": {"a": 2}, "b": 3}
    found = result("vision_tower", (HF, donor), (HF, into))
    assert found == {**into, "vision_config": OTHER_EYES, "vision_feature_layer": -1}


def test_a_connector_takes_its_settings_with_it() -> None:
    into = {"vision_config": EYES, "projector_hidden_act": "gelu"}
    donor = {"vision_config": OTHER_EYES, "projector_hidden_act": "relu", "multimodal_projector_bias": False}
    found = result("connector", (HF, donor), (HF, into))
    assert found == {**into, "projector_hidden_act": "relu", "multimodal_projector_bias": False}


def test_the_settings_of_llava_itself() -> None:
    into = {"mm_vision_tower": "one", "mm_hidden_size": 8, "hidden_size": 16}
    donor = {"mm_vision_tower": "two", "mm_hidden_size": 9, "hidden_size": 17, "mm_projector_type": "linear"}
    found = result("vision_tower", (ORIGINAL, donor), (ORIGINAL, into), 9)
    assert found == {"mm_vision_tower": "two", "mm_hidden_size": 9, "hidden_size": 16}
    assert result("connector", (ORIGINAL, donor), (ORIGINAL, into)) == {**into, "mm_projector_type": "linear"}


def test_a_setting_that_the_family_does_not_know_is_not_given_to_it() -> None:
    into = {"vision_config": EYES, "vision_feature_layer": -2}
    donor = {"mm_vision_tower": "two", "vision_feature_layer": -1, "image_seq_length": 4}
    assert result("vision_tower", (ORIGINAL, donor), (HF, into)) == {**into, "vision_feature_layer": -1}
    assert result("vision_tower", (HF, donor), (HF, into))["image_seq_length"] == 4


def test_a_width_that_only_one_of_the_configs_repeats() -> None:
    into = {"mm_vision_tower": "one", "mm_hidden_size": 8}
    found = result("vision_tower", (HF, {"vision_config": OTHER_EYES}), (ORIGINAL, into), 9)
    assert found == {"mm_vision_tower": "one", "mm_hidden_size": 9}


def test_a_tower_by_itself_is_all_that_its_config_describes() -> None:
    donor = {**OTHER_EYES, "architectures": ["SiglipVisionModel"], "dtype": "float32"}
    found = result("vision_tower", (["vision_model.w"], donor), (HF, {"vision_config": EYES}))
    assert found == {"vision_config": OTHER_EYES}


def test_a_part_of_its_own_is_added_with_a_tower_that_was_not_there() -> None:
    found = result("vision_tower", (HF, {"vision_config": EYES}), (HF[1:], {"model_type": "llava"}))
    assert found == {"model_type": "llava", "vision_config": EYES}


def test_an_original_config_gets_no_part_that_its_code_does_not_read() -> None:
    into = {"model_type": "llava_llama"}
    assert result("vision_tower", (HF, {"vision_config": EYES}), (ORIGINAL[1:], into)) == into


class TestALanguageModel:
    TEXT = ("model.layers.0.w", "lm_head.weight")

    def test_by_itself_becomes_a_part(self) -> None:
        donor = {"model_type": "llama", "architectures": ["LlamaForCausalLM"], "hidden_size": 16}
        found = result("language_model", ([*self.TEXT], donor), (HF, {"text_config": {"hidden_size": 8}}))
        assert found == {"text_config": {"model_type": "llama", "hidden_size": 16}}

    @pytest.mark.parametrize(
        "donor",
        [
            (["model.layers.0.w"], {"model_type": "llama", "hidden_size": 16, "rope_theta": 1}),
            (HF, {"text_config": {"model_type": "llama", "hidden_size": 16}, "hidden_size": 3}),
            (ORIGINAL, {"model_type": "llava", "hidden_size": 16, "mm_hidden_size": 99, "image_token_id": 7}),
        ],
    )
    def test_whose_settings_stand_among_all_others(self, donor: tuple[list[str], dict[str, Any]]) -> None:
        into = {"model_type": "x", "hidden_size": 8, "mm_hidden_size": 8, "image_token_id": 5}
        assert result("language_model", donor, (ORIGINAL, into)) == {**into, "hidden_size": 16}

    def test_described_among_all_others_does_not_become_a_part(self) -> None:
        into = {"text_config": {"hidden_size": 8}}
        assert result("language_model", (ORIGINAL, {"hidden_size": 16}), (HF, into)) == into


@pytest.mark.parametrize(("donor", "into"), [({}, {"vision_config": EYES}), ({"vision_config": EYES}, {})])
def test_without_a_config_nothing_changes(donor: dict[str, Any], into: dict[str, Any]) -> None:
    assert result("vision_tower", (HF, donor), (HF, into)) == into


def test_below_the_path_where_the_family_keeps_its_settings() -> None:
    names = ["thinker.visual.w", "thinker.model.w", "talker.w"]
    into = {"thinker_config": {"vision_config": EYES, "a": 1}, "vision_config": {}}
    donor = {"thinker_config": {"vision_config": OTHER_EYES, "a": 2}}
    found = result("vision_tower", (names, donor), (names, into))
    assert found == {"thinker_config": {"vision_config": OTHER_EYES, "a": 1}, "vision_config": {}}
