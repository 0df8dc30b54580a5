"""Sizes where components meet, read from shapes and config.json, and what they say of each other."""

from __future__ import annotations

from typing import Any

import pytest

from mergec.components.detect import components_of
from mergec.components.joint_verdict import verdicts
from mergec.components.joints import Figure, Joints, joints_of

Shapes = dict[str, tuple[int, ...]]

TOWER: Shapes = {
    "vision_tower.embeddings.patch_embedding.weight": (8, 3, 14, 14),
    "vision_tower.embeddings.position_embedding.weight": (257, 8),
}
PROJECTOR: Shapes = {
    "multi_modal_projector.linear_1.weight": (12, 8),
    "multi_modal_projector.linear_2.weight": (12, 12),
}
TEXT: Shapes = {
    "language_model.model.embed_tokens.weight": (100, 12),
    "language_model.lm_head.weight": (100, 12),
}
LLAVA: Shapes = {**TOWER, **PROJECTOR, **TEXT}


def joints(shapes: Shapes, **config: Any) -> Joints:
    return joints_of(components_of(shapes, config), shapes, config)


def said(shapes: Shapes, **config: Any) -> dict[str, bool | None]:
    return {verdict.text: verdict.fits for verdict in verdicts(joints(shapes, **config))}


class TestFigures:
    def test_say_where_they_were_read(self) -> None:
        found = joints(LLAVA, image_token_index=99)
        tower = found.towers["vision_tower"]
        patch = "vision_tower.embeddings.patch_embedding.weight"
        assert tower.width == Figure(8, patch)
        assert tower.patch_size == Figure(14, patch)
        assert tower.positions == Figure(257, "vision_tower.embeddings.position_embedding.weight")
        (connector,) = found.connectors
        assert connector.inlet == Figure(8, "multi_modal_projector.linear_1.weight")
        assert connector.outlet == Figure(12, "multi_modal_projector.linear_2.weight")
        assert found.hidden_size == Figure(12, "language_model.model.embed_tokens.weight")
        assert found.embedding_rows == Figure(100, "language_model.model.embed_tokens.weight")
        assert found.head_rows == Figure(100, "language_model.lm_head.weight")
        assert found.token_ids == (Figure(99, "image_token_index", is_tensor=False),)

    def test_come_from_the_config_where_the_tensors_are_not_there(self) -> None:
        shapes: Shapes = {"model.mm_projector.0.weight": (12, 8), "model.mm_projector.2.weight": (12, 12)}
        found = joints(shapes, mm_hidden_size=8, hidden_size=12, vocab_size=100)
        assert found.towers["vision_tower"].width == Figure(8, "mm_hidden_size", is_tensor=False)
        assert found.hidden_size == Figure(12, "hidden_size", is_tensor=False)
        assert found.embedding_rows == Figure(100, "vocab_size", is_tensor=False)

    def test_of_the_language_model_come_from_its_own_config(self) -> None:
        found = joints(PROJECTOR, hidden_size=7, text_config={"hidden_size": 12})
        assert found.hidden_size == Figure(12, "text_config.hidden_size", is_tensor=False)

    def test_stand_where_the_family_keeps_its_settings(self) -> None:
        shapes: Shapes = {"thinker.model.embed_tokens.weight": (100, 12), "talker.w": (1,)}
        found = joints(shapes, image_token_index=5, thinker_config={"image_token_index": 98})
        assert found.token_ids == (Figure(98, "thinker_config.image_token_index", is_tensor=False),)

    def test_that_nobody_knows_are_none(self) -> None:
        found = joints({"vision_tower.encoder.layers.0.w": (3,), "language_model.model.norm.weight": (3,)})
        assert found == Joints({}, (), None, None, None, ())

    def test_of_names_of_no_family_are_none(self) -> None:
        assert joints({"w": (3, 4)}, hidden_size=4) == Joints({}, (), None, None, None, ())

    @pytest.mark.parametrize("shape", [(8,), (8, 588)])
    def test_a_patch_weight_of_fewer_axes_has_no_patch_size(self, shape: tuple[int, ...]) -> None:
        tower = joints({"vision_tower.embeddings.patch_embedding.weight": shape, **TEXT}).towers[
            "vision_tower"
        ]
        assert tower.width is not None
        assert tower.patch_size is None

    def test_values_of_another_kind_in_the_config_are_no_figures(self) -> None:
        found = joints(PROJECTOR, hidden_size="12", vocab_size=True, text_config=3, image_token_id=None)
        assert (found.hidden_size, found.embedding_rows, found.token_ids) == (None, None, ())


class TestVerdicts:
    def test_what_fits(self) -> None:
        assert said(LLAVA, image_token_index=99) == {
            "connector input 8 = vision tower width 8": True,
            "connector output 12 = hidden size 12": True,
            "image_token_index 99 < vocabulary rows 100": True,
        }

    def test_what_does_not(self) -> None:
        shapes = {**LLAVA, "vision_tower.embeddings.patch_embedding.weight": (9, 3, 14, 14)}
        shapes["multi_modal_projector.linear_2.weight"] = (13, 12)
        assert said(shapes, image_token_index=100) == {
            "connector input 8 != vision tower width 9": False,
            "connector output 13 != hidden size 12": False,
            "image_token_index 100 >= vocabulary rows 100": False,
        }

    @pytest.mark.parametrize(
        ("config", "text", "fits"),
        [
            ({"vision_feature_layer": [-2, -1]}, "connector input 16 = 2 x vision tower width 8", True),
            ({"vision_feature_layer": -2}, "connector input 16 != vision tower width 8", False),
            ({"vision_feature_layer": [1, 2, 3]}, "connector input 16 != 3 x vision tower width 8", False),
            ({}, "connector input 16 and vision tower width 8 cannot be checked", None),
        ],
    )
    def test_of_several_layers_that_come_in_as_one(
        self,
        config: dict[str, Any],
        text: str,
        fits: bool | None,  # noqa: FBT001  # a parameter
    ) -> None:
        shapes = {**LLAVA, "multi_modal_projector.linear_1.weight": (12, 16)}
        assert said(shapes, **config)[text] is fits

    @pytest.mark.parametrize(("ratio", "width"), [(0.5, 4), (0.25, 16)])
    def test_of_several_pixels_that_come_in_as_one(self, ratio: float, width: int) -> None:
        shapes = {**LLAVA, "multi_modal_projector.layer_norm.weight": (width * 8,)}
        assert said(shapes, downsample_ratio=ratio)[
            f"connector input {width * 8} = {width} x vision tower width 8"
        ]

    @pytest.mark.parametrize(
        "value", [0, -0.0, 1e-200, 1e300, float("nan"), float("inf"), True, "2", None, [], {}]
    )
    def test_a_setting_that_makes_no_sense_says_nothing(self, value: object) -> None:
        shapes = {**LLAVA, "multi_modal_projector.linear_1.weight": (12, 16)}
        text = "connector input 16 and vision tower width 8 cannot be checked"
        assert said(shapes, vision_feature_layer=value, downsample_factor=value)[text] is None

    def test_of_a_connector_that_is_always_the_same(self) -> None:
        shapes = {**TOWER, **TEXT, "multi_modal_projector.linear.weight": (12, 16)}
        assert said(shapes)["connector input 16 != vision tower width 8"] is False

    def test_of_a_fused_projection(self) -> None:
        shapes = {**TOWER, **TEXT, "multi_modal_projector.mm_input_projection_weight": (8, 12)}
        assert set(said(shapes).values()) == {True}

    def test_an_id_below_zero_is_no_row(self) -> None:
        assert not any("image_token_id" in text for text in said(LLAVA, image_token_id=-200))
        assert said(LLAVA, image_token_id=0)["image_token_id 0 < vocabulary rows 100"]
