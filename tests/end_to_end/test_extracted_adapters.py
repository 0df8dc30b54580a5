"""Extracted adapters loaded by PEFT onto real architectures of transformers."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
import transformers
from peft import PeftModel
from safetensors.torch import load_file

if TYPE_CHECKING:
    from tests.conftest import Workbench

    Tensors = dict[str, torch.Tensor]

MODELS: dict[str, tuple[Any, Any]] = {
    "llama": (
        transformers.LlamaForCausalLM,
        transformers.LlamaConfig(
            vocab_size=40,
            hidden_size=16,
            intermediate_size=24,
            num_hidden_layers=2,
            num_attention_heads=4,
            num_key_value_heads=2,
            tie_word_embeddings=False,
        ),
    ),
    "biases": (
        transformers.Qwen2ForCausalLM,
        transformers.Qwen2Config(
            vocab_size=40,
            hidden_size=16,
            intermediate_size=24,
            num_hidden_layers=1,
            num_attention_heads=4,
            num_key_value_heads=2,
            tie_word_embeddings=False,
        ),
    ),
    "(in, out)": (
        transformers.GPT2LMHeadModel,
        transformers.GPT2Config(vocab_size=40, n_embd=16, n_layer=1, n_head=2, n_positions=12),
    ),
}
RANK = 3
EXTRACTED = {"op": "extract_lora", "of": "tuned", "base": "base", "rank": RANK}


def changed(model: Any) -> Any:
    tuned = copy.deepcopy(model)
    with torch.no_grad():
        for parameter in tuned.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    return tuned


def assert_merged(bench: Workbench, loaded: Any, base: Tensors, tuned: Tensors) -> None:
    """PEFT makes of the base the best approximation: changes of rank RANK, and whole biases and norms."""
    model: Any = PeftModel.from_pretrained(loaded, str(bench.out))
    merged = model.merge_and_unload().state_dict()
    for name, value in base.items():
        expected = tuned[name]
        if value.dim() > 1:
            change = (tuned[name].double() - value.double()).flatten(1)
            u, s, v = torch.linalg.svd(change, full_matrices=False)
            low = (u[:, :RANK] * s[:RANK]) @ v[:RANK]
            expected = value + low.view(value.shape).float()
        np.testing.assert_allclose(merged[name].numpy(), expected.numpy(), atol=1e-6, err_msg=name)


@pytest.mark.filterwarnings("ignore:.*checkpointing:FutureWarning")
@pytest.mark.parametrize("case", MODELS)
def test_language_models(bench: Workbench, case: str) -> None:
    kind, config = MODELS[case]
    torch.manual_seed(3)
    base = kind(config).float()
    for name, model in (("base", base), ("tuned", changed(base))):
        model.save_pretrained(bench.folder / name)
        bench.sources[name] = {"path": name}
    bench.build(EXTRACTED)
    loaded = kind.from_pretrained(bench.folder / "base", dtype=torch.float32)
    weights = [load_file(bench.folder / name / "model.safetensors") for name in ("base", "tuned")]
    assert_merged(bench, loaded, *weights)


def test_convolutions(bench: Workbench) -> None:
    torch.manual_seed(3)
    parts = [torch.nn.Conv2d(4, 6, 3), torch.nn.Conv2d(6, 5, 1, bias=False), torch.nn.Conv1d(5, 7, 2)]
    base = torch.nn.Sequential(*parts)
    models = {"base": base, "tuned": changed(base)}
    for name, model in models.items():
        bench.source(name, {key: value.numpy() for key, value in model.state_dict().items()})
    bench.build(EXTRACTED)
    weights = [dict(model.state_dict()) for model in models.values()]
    assert_merged(bench, copy.deepcopy(base), *weights)
