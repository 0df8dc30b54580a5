"""Adapters of models whose head is their embeddings: the result answers as base and adapter do."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import torch
from transformers import AutoModelForCausalLM, GPT2Config, GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM

import mergec
from tests.conftest import read_checkpoint

if TYPE_CHECKING:
    from pathlib import Path

peft = pytest.importorskip("peft")
# What PEFT says of ties, and of names in transformers that it still uses.
pytestmark = pytest.mark.filterwarnings(
    "ignore:Model has `tie_word_embeddings:UserWarning", "ignore:.*checkpointing:FutureWarning"
)

IDS = torch.tensor([[1, 7, 33, 4, 2]])


def llama() -> Any:
    sizes: dict[str, Any] = {"hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 2}
    heads: dict[str, Any] = {"num_attention_heads": 2, "num_key_value_heads": 2}
    return LlamaForCausalLM(LlamaConfig(vocab_size=40, tie_word_embeddings=True, **sizes, **heads))


def gpt2() -> Any:
    return GPT2LMHeadModel(GPT2Config(vocab_size=40, n_positions=16, n_embd=16, n_layer=2, n_head=2))


CONFIGS: dict[str, tuple[Any, dict[str, Any]]] = {
    "llama, LoRA on the embeddings": (llama, {"target_modules": ["embed_tokens", "q_proj"]}),
    "llama, embeddings trained in full": (
        llama,
        {"target_modules": ["q_proj"], "modules_to_save": ["embed_tokens"]},
    ),
    "GPT-2, LoRA on the embeddings": (
        gpt2,
        {"target_modules": ["wte", "c_attn"], "fan_in_fan_out": True},
    ),
}


@pytest.mark.parametrize("case", CONFIGS)
def test_the_head_stays_as_it_was_trained_with(tmp_path: Path, case: str) -> None:
    make, options = CONFIGS[case]
    torch.manual_seed(0)
    base = make()
    base.save_pretrained(tmp_path / "base")
    model: Any = peft.get_peft_model(base, peft.LoraConfig(r=4, lora_alpha=8, **options))
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            torch.nn.init.normal_(parameter, std=0.3)
            assert "lora" in name or "modules_to_save" in name
    model.save_pretrained(tmp_path / "adapter", save_embedding_layers=False)
    with torch.no_grad():
        expected = model.eval()(IDS).logits
    (tmp_path / "recipe.yaml").write_text(
        "mergec: 1\nsources: {base: base, adapter: adapter}\n"
        "models: {merged: {op: lora, base: base, adapters: {adapter: 1.0}}}\n"
        "output: {model: merged, path: out}\n"
    )
    built = mergec.load(tmp_path / "recipe.yaml").build()
    assert "MC0342" in [warning.code for warning in built.warnings]
    assert json.loads((tmp_path / "out" / "config.json").read_text())["tie_word_embeddings"] is False
    assert "lm_head.weight" in read_checkpoint(tmp_path / "out")
    merged: Any = AutoModelForCausalLM.from_pretrained(tmp_path / "out")
    with torch.no_grad():
        found = merged.eval()(IDS).logits
    scale = expected.abs().max()
    torch.testing.assert_close(found / scale, expected / scale, rtol=0, atol=1e-5)
