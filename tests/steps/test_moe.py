"""Mixtures of experts that transformers loads, and what their tensors are."""

from __future__ import annotations

import copy
import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
import transformers

from tests.conftest import read_checkpoint

if TYPE_CHECKING:
    from tests.conftest import Workbench

SIZES: dict[str, Any] = {
    "vocab_size": 40,
    "hidden_size": 16,
    "intermediate_size": 24,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "tie_word_embeddings": False,
}
DENSE: dict[str, tuple[Any, Any]] = {
    "llama": (transformers.LlamaForCausalLM, transformers.LlamaConfig(**SIZES)),
    "mistral": (transformers.MistralForCausalLM, transformers.MistralConfig(**SIZES, sliding_window=None)),
    "qwen2": (transformers.Qwen2ForCausalLM, transformers.Qwen2Config(**SIZES)),
    "qwen3": (transformers.Qwen3ForCausalLM, transformers.Qwen3Config(**SIZES, head_dim=8)),
    "tied": (
        transformers.Qwen3ForCausalLM,
        transformers.Qwen3Config(**{**SIZES, "tie_word_embeddings": True}),
    ),
}
LAYOUTS: dict[str, tuple[str, Any]] = {
    "llama": ("mixtral", transformers.MixtralForCausalLM),
    "mistral": ("mixtral", transformers.MixtralForCausalLM),
    "qwen2": ("qwen2_moe", transformers.Qwen2MoeForCausalLM),
    "qwen3": ("qwen3_moe", transformers.Qwen3MoeForCausalLM),
    "tied": ("qwen3_moe", transformers.Qwen3MoeForCausalLM),
}
TOKENS = torch.tensor([[3, 14, 15, 9, 2, 6]])
GATE = {"mixtral": "block_sparse_moe.gate.weight"}
DENSE_NAMES = ("gate_proj", "up_proj", "down_proj")


def saved(bench: Workbench, kind: str, count: int = 1) -> list[Any]:
    """A dense model, and others that differ from it everywhere, as sources m0, m1, ..."""
    torch.manual_seed(4)
    build, config = DENSE[kind]
    models = [build(config).float().eval() for _ in range(count)]
    for at, model in enumerate(models):
        model.save_pretrained(bench.folder / f"m{at}")
        bench.sources[f"m{at}"] = {"path": f"m{at}"}
    return models


def mixture(kind: str, experts: list[str], **keys: object) -> dict[str, object]:
    layout = LAYOUTS[kind][0]
    shared = {"shared": experts[0]} if layout == "qwen2_moe" else {}
    return {"op": "moe", "base": "m0", "experts": experts, "layout": layout, **shared, **keys}


def loaded(bench: Workbench, kind: str) -> Any:
    """The model as transformers loads it, with nothing missing and nothing left over."""
    model, told = LAYOUTS[kind][1].from_pretrained(bench.out, dtype=torch.float32, output_loading_info=True)
    assert not {key: value for key, value in told.items() if value}
    return model.eval()


def logits(model: Any) -> np.ndarray[Any, Any]:
    with torch.no_grad():
        found: np.ndarray[Any, Any] = model(TOKENS).logits.numpy()
    return found


@pytest.mark.parametrize("gates", [{"normal": 0.5}, "zeros"])
@pytest.mark.parametrize("kind", [kind for kind in LAYOUTS if kind != "qwen2"])
def test_a_mixture_of_equal_experts_is_the_dense_model(bench: Workbench, kind: str, gates: object) -> None:
    (dense,) = saved(bench, kind)
    bench.build(mixture(kind, ["m0"] * 4, gates=gates))
    np.testing.assert_allclose(logits(loaded(bench, kind)), logits(dense), atol=2e-5)


def test_a_shared_expert_is_let_through_whole(bench: Workbench) -> None:
    """Qwen2-MoE adds it to the others: with experts of zeros it is the dense model alone."""
    (dense,) = saved(bench, "qwen2")
    silent = copy.deepcopy(dense)
    for layer in silent.model.layers:
        torch.nn.init.zeros_(layer.mlp.down_proj.weight)
    silent.save_pretrained(bench.folder / "silent")
    bench.sources["silent"] = {"path": "silent"}
    bench.build(mixture("qwen2", ["silent", "silent"], shared="m0"))
    np.testing.assert_allclose(logits(loaded(bench, "qwen2")), logits(dense), atol=2e-5)


@pytest.mark.parametrize("kind", LAYOUTS)
def test_given_routers_choose_the_expert(bench: Workbench, kind: str) -> None:
    """Routers that add up all of a token's hidden state, or its negative: one expert for each token."""
    models = saved(bench, kind, 2)
    layout = LAYOUTS[kind][0]
    names = [f"model.layers.{i}.{GATE.get(layout, 'mlp.gate.weight')}" for i in range(2)]
    gate = np.stack([np.full(16, 1.0), np.full(16, -1.0)]).astype(np.float32)
    bench.source("routers", dict.fromkeys(names, gate))
    bench.build(mixture(kind, ["m0", "m1"], gates={"model": "routers"}, experts_per_token=1))
    found = loaded(bench, kind)
    parts = [{n: p.detach() for n, p in model.named_parameters()} for model in models]
    expected = dense_by_hand(models[0], parts, gate, has_shared=layout == "qwen2_moe")
    np.testing.assert_allclose(logits(found), expected, atol=2e-5)


def dense_by_hand(
    model: Any, parts: list[dict[str, torch.Tensor]], gate: np.ndarray[Any, Any], *, has_shared: bool
) -> np.ndarray[Any, Any]:
    """The base with an MLP that is that of one model or the other, token by token."""

    def replaced(layer: int) -> Any:
        def run(hidden: torch.Tensor) -> torch.Tensor:
            chosen = (hidden @ torch.from_numpy(gate).T).argmax(-1, keepdim=True)
            outputs = []
            for weights in parts:
                g, u, d = (weights[f"model.layers.{layer}.mlp.{name}.weight"] for name in DENSE_NAMES)
                outputs.append((torch.nn.functional.silu(hidden @ g.T) * (hidden @ u.T)) @ d.T)
            routed = torch.where(chosen == 0, outputs[0], outputs[1])
            return routed + outputs[0] if has_shared else routed

        return run

    changed = copy.deepcopy(model)
    for at, layer in enumerate(changed.model.layers):
        layer.mlp.forward = replaced(at)
    return logits(changed)


def test_files_and_config(bench: Workbench) -> None:
    saved(bench, "mistral", 2)
    (bench.folder / "m0" / "tokenizer.json").write_text("{}")
    bench.build(mixture("mistral", ["m0", "m1", "m1"], experts_per_token=3))
    config = json.loads((bench.out / "config.json").read_text())
    assert config["model_type"] == "mixtral"
    assert config["architectures"] == ["MixtralForCausalLM"]
    assert (config["num_local_experts"], config["num_experts_per_tok"]) == (3, 3)
    assert (bench.out / "tokenizer.json").exists()


def test_random_routers_depend_on_the_seed_alone(bench: Workbench) -> None:
    saved(bench, "llama", 2)
    name = "model.layers.1.block_sparse_moe.gate.weight"

    def routers(**keys: object) -> np.ndarray[Any, Any]:
        return bench.build(mixture("llama", ["m0", "m1"], **keys))[name].values

    first = routers()
    np.testing.assert_array_equal(routers(), first)
    assert (routers(seed=1) != first).any()
    np.testing.assert_allclose(routers(gates={"normal": 0.04}), first * 2, rtol=1e-6)


def test_nothing_of_dense_mlps_is_left(bench: Workbench) -> None:
    saved(bench, "llama", 2)
    found = bench.build(mixture("llama", ["m0", "m1"]))
    assert not [name for name in found if ".mlp." in name]
    one = read_checkpoint(bench.folder / "m1")["model.layers.1.mlp.up_proj.weight"]
    assert found["model.layers.1.block_sparse_moe.experts.1.w3.weight"].data == one.data
