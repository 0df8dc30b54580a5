"""Another language model behind LLaVA's projector, against one put together by hand."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import pytest
import torch

import mergec
from tests.recipes.llava_models import loaded_llava, logits, transformers

if TYPE_CHECKING:
    from pathlib import Path


def put_together(weights: Path) -> Any:
    """LLaVA with the other language model, whose new rows hold the mean of the old ones."""
    llava = loaded_llava(weights / "llava")
    language = transformers.LlamaForCausalLM.from_pretrained(weights / "language", dtype=torch.float32)
    for module in (language.model.embed_tokens, language.lm_head):
        mean = module.weight.data.double().mean(0, keepdim=True).half().float()
        module.weight.data = torch.cat([module.weight.data, mean.expand(12, -1)])
    config = copy.deepcopy(llava.config)
    config.text_config = language.config
    config.text_config.vocab_size = 512
    model = transformers.LlavaForConditionalGeneration(config).eval()
    model.model.vision_tower.load_state_dict(llava.model.vision_tower.state_dict())
    model.model.multi_modal_projector.load_state_dict(llava.model.multi_modal_projector.state_dict())
    model.model.language_model.load_state_dict(language.model.state_dict())
    model.lm_head.load_state_dict(language.lm_head.state_dict())
    return model


def test_it_is_the_model_put_together_by_hand(copied: Path) -> None:
    recipe = copied / "llava-projector"
    made = mergec.load(recipe / "recipe.yaml").build(out=recipe / "out").path
    found = loaded_llava(made)
    assert found.config.text_config.num_hidden_layers == 4
    torch.testing.assert_close(logits(found), logits(put_together(recipe / "weights")), rtol=1e-5, atol=1e-6)


def test_joints_are_checked(copied: Path, tmp_path: Path) -> None:
    weights = tmp_path / "weights"
    narrow = transformers.LlamaConfig(
        vocab_size=500, hidden_size=48, intermediate_size=64, num_hidden_layers=2, num_attention_heads=2
    )
    transformers.LlamaForCausalLM(narrow).save_pretrained(weights / "language")
    (weights / "llava").symlink_to(copied / "llava-projector" / "weights" / "llava")
    text = (copied / "llava-projector" / "recipe.yaml").read_text()
    (tmp_path / "recipe.yaml").write_text(text)
    with pytest.raises(mergec.MergecError) as caught:
        mergec.load(tmp_path / "recipe.yaml").check()
    assert {error.code for error in caught.value.errors} == {"MC0325"}


def test_without_room_for_the_image_token_it_is_refused(copied: Path) -> None:
    recipe = copied / "llava-projector" / "recipe.yaml"
    unpadded = recipe.with_name("unpadded.yaml")
    unpadded.write_text(recipe.read_text().replace("from: padded", "from: language"))
    with pytest.raises(mergec.MergecError) as caught:
        mergec.load(unpadded).check()
    assert [error.code for error in caught.value.errors] == ["MC0325"]
