"""A merged model answers as its base with the adapter beside it, by transformers and PEFT."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import peft
import pytest
import torch
from transformers import (
    AutoModelForCausalLM,
    AutoModelForSequenceClassification,
    BertConfig,
    GPT2Config,
    LlamaConfig,
)

from tests.adapters.peft.peft_models import save_adapter

if TYPE_CHECKING:
    from tests.conftest import Workbench

CAUSAL: Any = AutoModelForCausalLM  # without types for its makers
CLASSIFIER: Any = AutoModelForSequenceClassification
WORDS = torch.tensor([[3, 17, 4, 96, 52, 5, 11, 0]])
GPT2 = GPT2Config(vocab_size=100, n_positions=32, n_embd=32, n_layer=3, n_head=4)
LLAMA = LlamaConfig(
    vocab_size=100,
    hidden_size=32,
    intermediate_size=48,
    num_hidden_layers=2,
    num_attention_heads=4,
    num_key_value_heads=2,
    tie_word_embeddings=True,
)
BERT = BertConfig(
    vocab_size=100, hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=64
)


def assert_same_answers(bench: Workbench, kind: Any, model: Any, config: peft.PeftConfig) -> None:
    """Build base and adapter into one model, load it with transformers, and compare the logits."""
    model.save_pretrained(bench.folder / "base")
    save_adapter(model, config, bench.folder / "style", scale=0.05)
    bench.sources.update(base="base", style="style")
    made = bench.recipe({"op": "lora", "base": "base", "adapters": {"style": 1}}).build(workers=1)
    beside = peft.PeftModel.from_pretrained(copy.deepcopy(model), str(bench.folder / "style")).eval()
    fused = kind.from_pretrained(made.path).eval()
    with torch.no_grad():
        wanted, found, before = (one(WORDS).logits for one in (beside, fused, model.eval()))
    size = wanted.abs().max()
    assert (wanted - before).abs().max() > 1e-3 * size, "the adapter does something"
    assert (found - wanted).abs().max() <= 1e-5 * size


GPT2_CASES = [
    {"target_modules": ["c_attn", "c_proj", "c_fc"], "fan_in_fan_out": True},
    {"target_modules": ["c_attn", "c_proj", "c_fc"], "fan_in_fan_out": True, "use_dora": True},
    {"target_modules": ["c_attn", "wpe"], "fan_in_fan_out": True, "use_rslora": True},
    {"target_modules": ["c_attn"], "fan_in_fan_out": True, "bias": "all"},
    {"target_modules": ["c_attn", "lm_head"]},
]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("keys", GPT2_CASES, ids=str)
def test_gpt2(bench: Workbench, keys: dict[str, Any]) -> None:
    torch.manual_seed(0)
    config = peft.LoraConfig(r=4, lora_alpha=16, task_type="CAUSAL_LM", **keys)
    assert_same_answers(bench, CAUSAL, CAUSAL.from_config(GPT2), config)


LLAMA_CASES = [
    peft.LoraConfig(r=4, target_modules="all-linear", use_dora=True),
    peft.LoraConfig(r=4, target_modules=["lm_head", "q_proj"]),
    peft.LoraConfig(r=4, target_modules=["q_proj"], trainable_token_indices=[3, 17]),
    peft.IA3Config(target_modules=["k_proj", "v_proj", "down_proj"], feedforward_modules=["down_proj"]),
    peft.LoHaConfig(r=4, alpha=8, target_modules=["q_proj", "down_proj"], init_weights=False),
    peft.LoKrConfig(r=4, alpha=8, target_modules=["q_proj", "down_proj"], init_weights=False),
    peft.OFTConfig(oft_block_size=8, target_modules=["q_proj", "down_proj"]),
    peft.BOFTConfig(boft_block_size=8, target_modules=["q_proj", "down_proj"]),
    peft.VeraConfig(r=8, target_modules=["q_proj", "v_proj"]),
    peft.LNTuningConfig(),
]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("number", range(len(LLAMA_CASES)))
def test_llama_with_tied_embeddings(bench: Workbench, number: int) -> None:
    torch.manual_seed(0)
    model = CAUSAL.from_config(LLAMA)
    assert_same_answers(bench, CAUSAL, model, LLAMA_CASES[number])


@pytest.mark.filterwarnings("ignore")
def test_bert_with_a_head_for_its_task(bench: Workbench) -> None:
    torch.manual_seed(0)
    model = CLASSIFIER.from_config(BERT)
    config = peft.LoraConfig(r=4, target_modules=["query", "value", "word_embeddings"], task_type="SEQ_CLS")
    assert_same_answers(bench, CLASSIFIER, model, config)
