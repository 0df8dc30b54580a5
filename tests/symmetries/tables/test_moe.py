from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
import transformers

from mergec.symmetries.table import built_in
from tests.symmetries.invariance import assert_unchanged
from tests.symmetries.tables.models import IDS, VOCABULARY, Model, pretrained

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

ATTENTION = {"res": 1, "kv": 2, "q": 2, "v": 2}
SPARSE = {**ATTENTION, "e": 2, "x": 2}
SIZES: dict[str, Any] = {
    "hidden_size": 24,
    "intermediate_size": 20,
    "num_hidden_layers": 2,
    "num_attention_heads": 6,
    "num_key_value_heads": 2,
    "vocab_size": VOCABULARY,
    "max_position_embeddings": 16,
    "num_experts_per_tok": 2,
    "bos_token_id": 0,
    "eos_token_id": 0,
    "pad_token_id": 0,
}
QWEN2: dict[str, Any] = {
    "num_experts": 5,
    "moe_intermediate_size": 10,
    "shared_expert_intermediate_size": 14,
}
QWEN3: dict[str, Any] = {"num_experts": 5, "moe_intermediate_size": 10, "head_dim": 8}

# The fused kernels do not take every dtype.
EAGER = {"experts_implementation": "eager"}

CASES: dict[str, tuple[str, dict[str, Any], Mapping[str, int]]] = {
    "Mixtral": ("Mixtral", {"num_local_experts": 5}, SPARSE),
    "Qwen2": ("Qwen2Moe", QWEN2, {**SPARSE, "sx": 2}),
    "Qwen2, a dense layer": (
        "Qwen2Moe",
        {**QWEN2, "mlp_only_layers": [0]},
        {**ATTENTION, "e": 1, "x": 1, "sx": 1, "ffn": 1},
    ),
    "Qwen3": ("Qwen3Moe", QWEN3, SPARSE),
    "OLMoE": ("Olmoe", {"num_experts": 5}, SPARSE),
}


def made(case: str) -> Any:
    family, options, _ = CASES[case]
    config = getattr(transformers, f"{family}Config")(**SIZES, **options)
    return getattr(transformers, f"{family}ForCausalLM")(config)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=str)
@pytest.mark.parametrize("case", CASES)
def test_the_function_is_unchanged(case: str, dtype: torch.dtype, tmp_path: Path) -> None:
    model = pretrained(made(case), {"input_ids": IDS}, ("logits",), tmp_path, dtype, **EAGER)
    assert any(".experts.4." in name for name in model.tensors), "one tensor for each expert on disk"
    assert_unchanged(built_in("moe"), model, CASES[case][2])


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=str)
def test_stacked_experts(dtype: torch.dtype, tmp_path: Path) -> None:
    """As transformers holds them in memory, and as a state dict of its keeps them."""
    module = made("Qwen2")
    on_disk = pretrained(module, {"input_ids": IDS}, ("logits",), tmp_path, dtype, **EAGER)
    stacked = {name: value.numpy().copy() for name, value in module.state_dict().items()}
    assert stacked["model.layers.0.mlp.experts.gate_up_proj"].shape == (5, 20, 24)

    def forward(tensors: Mapping[str, Any]) -> Any:
        names = (name for name in tensors if ".experts." not in name)
        apart = {name: tensors[name] for name in names}
        for name in set(tensors) - set(apart):
            for number, expert in enumerate(tensors[name]):
                at = f"{name.rpartition('.')[0]}.{number}"
                if name.endswith("gate_up_proj"):
                    gate, up = np.split(expert, 2)
                    apart |= {f"{at}.gate_proj.weight": gate, f"{at}.up_proj.weight": up}
                else:
                    apart[f"{at}.down_proj.weight"] = expert
        assert set(apart) == set(on_disk.tensors)
        return on_disk.forward(apart)

    model = Model(stacked, json.loads((tmp_path / "config.json").read_text()), forward)
    assert_unchanged(built_in("moe"), model, CASES["Qwen2"][2])
