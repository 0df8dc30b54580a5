from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import torch
import transformers

from mergec.symmetries.table import built_in
from tests.symmetries.invariance import assert_unchanged
from tests.symmetries.tables.models import IDS, VOCABULARY, pretrained

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

LAYERS = {"kv": 2, "q": 2, "v": 2, "ffn": 2}
EVERY = {"res": 1, **LAYERS}
SIZES: dict[str, Any] = {
    "hidden_size": 24,
    "intermediate_size": 20,
    "num_hidden_layers": 2,
    "num_attention_heads": 6,
    "num_key_value_heads": 2,
    "vocab_size": VOCABULARY,
    "max_position_embeddings": 16,
    "bos_token_id": 0,
    "eos_token_id": 0,
    "pad_token_id": 0,
}
UNTIED: dict[str, Any] = {"tie_word_embeddings": False}
WIDE: dict[str, Any] = {"head_dim": 8}
BIASES: dict[str, Any] = {"attention_bias": True, "mlp_bias": True}

CASES: dict[str, tuple[str, dict[str, Any], Mapping[str, int]]] = {
    "Llama": ("Llama", {}, EVERY),
    "Llama, tied": ("Llama", {"tie_word_embeddings": True}, EVERY),
    "Llama, biases": ("Llama", BIASES, EVERY),
    "Mistral": ("Mistral", {}, EVERY),
    "Qwen2": ("Qwen2", {}, EVERY),
    "Qwen3": ("Qwen3", WIDE, EVERY),
    "Gemma": ("Gemma", WIDE, EVERY),
    "Gemma2": ("Gemma2", WIDE, EVERY),
    "Gemma3": ("Gemma3", WIDE, EVERY),
    "Olmo2": ("Olmo2", {}, EVERY),
    "Phi3": ("Phi3", {}, EVERY),
}


def made(case: str, kind: str = "ForCausalLM", **more: Any) -> Any:
    family, options, _ = CASES[case]
    config = getattr(transformers, f"{family}TextConfig" if family == "Gemma3" else f"{family}Config")
    return getattr(transformers, f"{family}{kind}")(config(**SIZES, **options, **more))


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=str)
@pytest.mark.parametrize("case", CASES)
def test_the_function_is_unchanged(case: str, dtype: torch.dtype, tmp_path: Path) -> None:
    model = pretrained(made(case), {"input_ids": IDS}, ("logits",), tmp_path, dtype)
    assert_unchanged(built_in("llama"), model, CASES[case][2])


def test_every_head_with_keys_of_its_own(tmp_path: Path) -> None:
    """The config.json of the first Llama has no `num_key_value_heads`."""
    options = {**SIZES, "num_key_value_heads": 6}
    module = transformers.LlamaForCausalLM(transformers.LlamaConfig(**options))
    model = pretrained(module, {"input_ids": IDS}, ("logits",), tmp_path, torch.float64)
    older = {
        key: value for key, value in model.config.items() if key not in {"num_key_value_heads", "head_dim"}
    }
    expected = {"res": 1, "kv": 2, "v": 2, "ffn": 2}
    assert_unchanged(built_in("llama"), model._replace(config=older), expected)


@pytest.mark.parametrize("tied", [True, False])
def test_a_model_without_a_head_keeps_its_stream(*, tied: bool, tmp_path: Path) -> None:
    module = made("Llama", "Model", tie_word_embeddings=tied)
    model = pretrained(module, {"input_ids": IDS}, ("last_hidden_state",), tmp_path, torch.float64)
    assert "layers.0.mlp.up_proj.weight" in model.tensors
    assert_unchanged(built_in("llama"), model, LAYERS)
