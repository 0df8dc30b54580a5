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


@pytest.fixture
def recipe(copied: Path) -> Path:
    return copied / "llava-projector" / "recipe.yaml"


def changed(recipe: Path, old: str, new: str) -> Path:
    """The recipe with another text for one of its own, beside it."""
    text = recipe.read_text()
    assert old in text
    other = recipe.with_name("changed.yaml")
    other.write_text(text.replace(old, new))
    return other


def test_it_is_the_model_put_together_by_hand(recipe: Path) -> None:
    made = mergec.load(recipe).build(out=recipe.with_name("out")).path
    found = loaded_llava(made)
    assert found.config.text_config.num_hidden_layers == 4
    assert transformers.AutoTokenizer.from_pretrained(made)("new3 <image> new499").input_ids == [3, 500, 499]
    by_hand = put_together(recipe.parent / "weights")
    torch.testing.assert_close(logits(found), logits(by_hand), rtol=1e-5, atol=1e-6)


def test_the_tokenizer_comes_with_the_language_model(recipe: Path) -> None:
    plain = changed(recipe, "[weights/tokenizer, llava]", "llava")
    made = mergec.load(plain).build(out=recipe.with_name("plain")).path
    theirs = recipe.parent / "weights" / "language"
    for name in ("tokenizer.json", "tokenizer_config.json"):
        assert (made / name).read_bytes() == (theirs / name).read_bytes()


def refusals(recipe: Path) -> list[str]:
    with pytest.raises(mergec.MergecError) as caught:
        mergec.load(recipe).check()
    return [error.code for error in caught.value.errors]


def test_a_language_model_of_another_width_is_refused(recipe: Path) -> None:
    narrow = transformers.LlamaConfig(
        vocab_size=500, hidden_size=48, intermediate_size=64, num_hidden_layers=2, num_attention_heads=2
    )
    transformers.LlamaForCausalLM(narrow).save_pretrained(recipe.parent / "weights" / "narrow")
    assert refusals(changed(recipe, "language: weights/language", "language: weights/narrow")) == ["MC0325"]


def test_without_room_for_the_image_token_it_is_refused(recipe: Path) -> None:
    assert refusals(changed(recipe, "from: padded", "from: language")) == ["MC0325"]
