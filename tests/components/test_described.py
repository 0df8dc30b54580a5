"""Which components a config.json does not know of."""

from __future__ import annotations

from typing import Any

import pytest

from mergec.components.described import undescribed
from mergec.components.detect import components_of

LLAVA = ["model.vision_tower.w", "model.mm_projector.0.weight", "model.layers.0.w", "lm_head.weight"]


@pytest.mark.parametrize(
    ("names", "config", "expected"),
    [
        (LLAVA, {"model_type": "llava"}, ()),
        (LLAVA, {"model_type": "llama"}, ("vision_tower", "connector")),
        (LLAVA[1:], {"model_type": "llama"}, ("connector",)),
        (LLAVA[2:], {"model_type": "llama"}, ()),
        (LLAVA, {"model_type": "clip_vision_model"}, ()),  # of the family of CLIP, which has them all
        (LLAVA, {"model_type": "vit"}, ("connector", "language_model")),
        # What calls itself a llama and has the settings of LLaVA.
        (LLAVA, {"model_type": "llama", "mm_vision_tower": "x", "mm_projector_type": "linear"}, ()),
        (LLAVA, {"model_type": "of nobody"}, ()),
        (LLAVA, {}, ()),
        (["w"], {"model_type": "llama"}, ()),
    ],
)
def test_those_that_its_family_has_not(
    names: list[str], config: dict[str, Any], expected: tuple[str, ...]
) -> None:
    assert undescribed(components_of(names, config), config) == expected
