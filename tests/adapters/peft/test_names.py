from __future__ import annotations

import pytest

from mergec.adapters.peft.names import PeftName, taken_apart


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("base_model.model.model.layers.0.q.lora_A.weight", PeftName("model.layers.0.q", "lora_A", "weight")),
        ("model.layers.0.q.lora_A.weight", PeftName("model.layers.0.q", "lora_A", "weight")),
        ("q.lora_B.bias", PeftName("q", "lora_B", "bias")),
        ("base_model.model.q.lora_A.lora_A.weight", PeftName("q", "lora_A", "weight", "lora_A")),
        ("base_model.model.e.lora_embedding_A", PeftName("e", "lora_embedding_A", "")),
        ("base_model.model.e.lora_embedding_A.default", PeftName("e", "lora_embedding_A", "", "default")),
        (
            "base_model.model.q.lora_magnitude_vector.default.weight",
            PeftName("q", "lora_magnitude_vector", "weight", "default"),
        ),
        (
            "base_model.model.mlp.experts.base_layer.base_layer.lora_B.weight",
            PeftName("mlp.experts", "lora_B", "weight", depth=2),
        ),
        (
            "base_model.model.mha.base_layer.out_proj.lora_A.weight",
            PeftName("mha.out_proj", "lora_A", "weight"),
        ),
        ("base_model.model.embed.base_layer.weight", PeftName("embed", "", "weight")),
        (
            "base_model.model.embed.token_adapter.trainable_tokens_delta",
            PeftName("embed", "trainable_tokens_delta", ""),
        ),
        ("base_model.model.head.weight", PeftName("head", "", "weight")),
        (
            "base_model.model.head.modules_to_save.default.dense.weight",
            PeftName("head.dense", "", "weight", "default"),
        ),
        (
            "base_model.model.head.original_module.dense.weight",
            PeftName("head.dense", "", "weight", is_original=True),
        ),
        ("module._orig_mod.base_model.model.module.q.lora_A.weight", PeftName("q", "lora_A", "weight")),
        ("base_model.vera_A", PeftName("base_model", "vera_A", "")),
        ("weight", PeftName("", "", "weight")),
    ],
)
def test_names_are_taken_apart(name: str, expected: PeftName) -> None:
    assert taken_apart(name) == expected
