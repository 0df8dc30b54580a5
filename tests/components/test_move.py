"""Names of a component in another layout."""

from __future__ import annotations

import pytest

from mergec.components.detect import Grouping, components_of
from mergec.components.inner_name import inner_name
from mergec.components.move import is_built_otherwise, moved

CLIP = [
    "embeddings.patch_embedding.weight",
    "encoder.layers.0.self_attn.q_proj.weight",
    "post_layernorm.bias",
]
PIXTRAL = ["patch_conv.weight", "transformer.layers.0.attention.q_proj.weight"]
TEXT = ["language_model.model.layers.0.w", "language_model.lm_head.weight"]
PROJECTOR = ["multi_modal_projector.linear_1.weight", "multi_modal_projector.linear_2.bias"]


def under(prefix: str, names: list[str]) -> list[str]:
    return [f"{prefix}.{name}" for name in names]


def grouped(*names: str, model_type: str = "") -> Grouping:
    return components_of(list(names), {"model_type": model_type})


def tower(prefix: str, names: list[str] = CLIP) -> Grouping:
    return grouped(*under(prefix, names), *PROJECTOR, *TEXT)


def memory(prefix: str, names: list[str] = CLIP) -> Grouping:
    return grouped(
        *under(prefix, names), "model.multi_modal_projector.linear_1.weight", "model.language_model.w"
    )


def original(names: list[str]) -> Grouping:
    return grouped(*names, "model.mm_projector.0.weight", "model.layers.0.w", "lm_head.weight")


WRAPPED = "model.vision_tower.vision_tower.vision_model"


class TestTowers:
    @pytest.mark.parametrize(
        ("donor", "into", "home"),
        [
            (memory("model.vision_tower"), tower("vision_tower"), "vision_tower"),
            (memory("model.vision_tower"), tower("vision_tower.vision_model"), "vision_tower.vision_model"),
            (tower("vision_tower.vision_model"), tower("vision_tower"), "vision_tower"),
            (tower("vision_tower"), memory("model.vision_tower"), "model.vision_tower"),
            (tower("vision_tower"), original([]), WRAPPED),
            (original(under(WRAPPED, CLIP)), tower("vision_tower"), "vision_tower"),
            (grouped(*CLIP), tower("vision_tower.vision_model"), "vision_tower.vision_model"),
            (grouped(*under("vision_model", CLIP), "logit_scale"), tower("vision_tower"), "vision_tower"),
        ],
    )
    def test_get_the_names_of_the_layout(self, donor: Grouping, into: Grouping, home: str) -> None:
        move = moved("vision_tower", donor, into)
        assert list(move.names.values()) == under(home, CLIP)
        assert tuple(move.names) == donor.components["vision_tower"].names
        assert move.homeless == ()

    @pytest.mark.parametrize(
        ("into", "home"),
        [
            (tower("vision_tower.vision_model"), "vision_tower"),
            (original([]), "model.vision_tower.vision_tower"),
        ],
    )
    def test_of_kinds_without_a_wrapper_get_none(self, into: Grouping, home: str) -> None:
        move = moved("vision_tower", memory("model.vision_tower", PIXTRAL), into)
        assert list(move.names.values()) == under(home, PIXTRAL)

    def test_of_a_family_with_two_keep_their_roles(self) -> None:
        names = ["image_tower.encoder.w", "video_tower.encoder.w", *PROJECTOR, *TEXT]
        donor = grouped(*names)
        into = grouped(
            "model.image_tower.encoder.w", "model.multi_modal_projector.w", "model.language_model.w"
        )
        assert moved("vision_tower", donor, into).names == {
            "image_tower.encoder.w": "model.image_tower.encoder.w",
            "video_tower.encoder.w": "model.video_tower.encoder.w",
        }
        assert moved("vision_tower", donor, tower("vision_tower")).homeless == tuple(names[:2])

    def test_have_no_place_in_a_language_model(self) -> None:
        assert moved("vision_tower", tower("vision_tower"), grouped("model.layers.0.w")).names == {}


class TestConnectors:
    def test_are_spelt_anew(self) -> None:
        donor = original(["model.mm_projector.2.bias", "model.image_newline"])
        assert moved("connector", donor, tower("vision_tower")).names == {
            "model.mm_projector.2.bias": "multi_modal_projector.linear_2.bias",
            "model.mm_projector.0.weight": "multi_modal_projector.linear_1.weight",
            "model.image_newline": "image_newline",
        }

    def test_are_spelt_anew_the_other_way(self) -> None:
        assert list(moved("connector", tower("vision_tower"), original([])).names.values()) == [
            "model.mm_projector.0.weight",
            "model.mm_projector.2.bias",
        ]

    def test_between_the_two_layouts_of_internvl(self) -> None:
        donor = grouped("vision_model.w", "mlp1.0.weight", "mlp1.3.bias", "language_model.model.w")
        assert list(moved("connector", donor, tower("vision_tower")).names.values()) == [
            "multi_modal_projector.layer_norm.weight",
            "multi_modal_projector.linear_2.bias",
        ]

    def test_of_a_family_without_a_word_for_a_part_have_no_place_for_it(self) -> None:
        donor = grouped(*TEXT, "vision_tower.w", "multi_modal_projector.mm_soft_emb_norm.weight")
        homeless = ("multi_modal_projector.mm_soft_emb_norm.weight",)
        assert moved("connector", donor, original([])).homeless == homeless
        assert moved("connector", donor, tower("vision_tower")).homeless == ()

    def test_of_one_layer_stay_in_their_own_layout(self) -> None:
        donor = grouped("model.mm_projector.weight", "model.layers.0.w")
        assert moved("connector", donor, original([])).homeless == ()
        assert moved("connector", donor, tower("vision_tower")).homeless == ("model.mm_projector.weight",)

    def test_inside_a_tower_do_not_go_with_it(self) -> None:
        donor = grouped("visual.blocks.0.w", "visual.merger.mlp.0.weight", "model.layers.0.w")
        into = grouped("model.visual.blocks.0.w", "model.language_model.w")
        assert moved("vision_tower", donor, into).names == {"visual.blocks.0.w": "model.visual.blocks.0.w"}
        expected = {"visual.merger.mlp.0.weight": "model.visual.merger.mlp.0.weight"}
        assert moved("connector", donor, into).names == expected


class TestLanguageModels:
    @pytest.mark.parametrize(
        ("donor", "into", "new"),
        [
            (grouped("model.layers.0.w"), tower("vision_tower"), "language_model.model.layers.0.w"),
            (grouped("model.layers.0.w"), memory("model.vision_tower"), "model.language_model.layers.0.w"),
            (tower("vision_tower"), grouped("model.layers.0.w"), "model.layers.0.w"),
            (
                grouped("transformer.h.0.w"),
                tower("vision_tower"),
                "language_model.transformer.h.0.w",
            ),
            (grouped("embed_tokens.weight"), grouped("model.layers.0.w"), "model.embed_tokens.weight"),
        ],
    )
    def test_get_the_names_of_the_layout(self, donor: Grouping, into: Grouping, new: str) -> None:
        assert list(moved("language_model", donor, into).names.values()) == [new]

    def test_heads(self) -> None:
        head = moved("head", grouped("model.layers.0.w", "lm_head.weight"), tower("vision_tower"))
        assert head.names == {"lm_head.weight": "language_model.lm_head.weight"}


def test_two_names_that_would_be_one_are_not_both_moved() -> None:
    both = [*under("vision_tower", CLIP), *under("vision_tower.vision_model", CLIP)]
    assert moved("vision_tower", grouped(*both, *TEXT), memory("model.vision_tower")).homeless == tuple(
        under("vision_tower.vision_model", CLIP)
    )


def test_another_kind_of_connector_is_noticed() -> None:
    gemma = grouped("vision_tower.w", "multi_modal_projector.mm_input_projection_weight", *TEXT)
    assert is_built_otherwise("connector", gemma, tower("vision_tower"))
    assert not is_built_otherwise("connector", tower("vision_tower"), memory("model.vision_tower"))
    assert not is_built_otherwise("connector", gemma, grouped("vision_tower.w", *TEXT)), "nothing to compare"


def test_another_kind_of_tower_is_noticed_where_the_family_has_one_of_its_own() -> None:
    qwen = grouped("visual.blocks.0.w", "model.layers.0.w")
    assert is_built_otherwise("vision_tower", tower("vision_tower"), qwen)
    assert not is_built_otherwise(
        "vision_tower", memory("model.vision_tower", PIXTRAL), tower("vision_tower")
    )


def test_inner_names_have_their_role_in_front() -> None:
    blip = grouped(
        "qformer.encoder.layer.0.w", "query_tokens", "language_projection.weight", "vision_model.w"
    )
    assert [inner_name(blip, name) for name in blip.components["connector"].names] == [
        "qformer:encoder.layer.0.w",
        "query:query_tokens",
        "weight",
    ]


class TestRules:
    def test_for_roots(self) -> None:
        move = moved("vision_tower", memory("model.vision_tower"), tower("vision_tower"))
        assert move.rules == ("model.vision_tower.{rest:**} -> vision_tower.{rest}",)
        move = moved("language_model", grouped("model.layers.0.w"), tower("vision_tower"))
        assert move.rules == ("model.{rest:**} -> language_model.model.{rest}",)

    def test_for_bare_names(self) -> None:
        move = moved("vision_tower", grouped(*CLIP), tower("vision_tower"))
        assert move.rules == ("{rest:**} -> vision_tower.{rest}",)

    def test_for_words_and_single_tensors(self) -> None:
        donor = original(["model.mm_projector.0.bias", "model.image_newline"])
        assert moved("connector", donor, tower("vision_tower")).rules == (
            "model.mm_projector.0.{rest:**} -> multi_modal_projector.linear_1.{rest}",
            "model.image_newline -> image_newline",
        )

    def test_for_names_that_stay(self) -> None:
        assert moved("vision_tower", tower("vision_tower"), tower("vision_tower")).rules == ()
