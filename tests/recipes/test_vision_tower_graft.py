"""One model's eyes before another's language model, against the two put together by hand."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch

import mergec
from tests.recipes.llava_models import loaded_llava, transformers

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def recipe(copied: Path) -> Path:
    return copied / "vision-tower-graft" / "recipe.yaml"


def put_together(a: Any, b: Any) -> Any:
    """The language model of a behind the tower and the connector of b."""
    config = copy.deepcopy(b.config)
    config.text_config = a.config.text_config
    model = transformers.LlavaForConditionalGeneration(config).eval()
    model.model.vision_tower.load_state_dict(b.model.vision_tower.state_dict())
    model.model.multi_modal_projector.load_state_dict(b.model.multi_modal_projector.state_dict())
    model.model.language_model.load_state_dict(a.model.language_model.state_dict())
    model.lm_head.load_state_dict(a.lm_head.state_dict())
    return model


def test_it_sees_with_the_eyes_of_b_and_speaks_with_the_voice_of_a(recipe: Path) -> None:
    made = mergec.load(recipe).build(out=recipe.parent / "out").path
    weights = recipe.parent / "weights"
    by_hand = put_together(loaded_llava(weights / "mllm-a"), loaded_llava(weights / "mllm-b"))
    image = np.random.default_rng(0).integers(0, 256, (84, 84, 3), np.uint8)
    processor = transformers.AutoProcessor.from_pretrained(made)
    inputs = processor(images=image, text="word3 <image> word499", return_tensors="pt")
    assert inputs["input_ids"].shape == (1, 38)
    assert inputs["pixel_values"].shape == (1, 3, 84, 84)
    with torch.no_grad():
        found, wanted = (model(**inputs).logits for model in (loaded_llava(made), by_hand))
    torch.testing.assert_close(found, wanted, rtol=0, atol=0)


def test_a_wider_tower_without_its_connector_is_refused(recipe: Path) -> None:
    alone = recipe.with_name("alone.yaml")
    alone.write_text(recipe.read_text().replace("model: merged", "model: tower"))
    with pytest.raises(mergec.MergecError) as caught:
        mergec.load(alone).check()
    assert [error.code for error in caught.value.errors] == ["MC0325"]
