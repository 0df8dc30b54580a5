"""Llamas made and saved by transformers, small and random, and read by it again after the merge."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, LlamaConfig, LlamaForCausalLM

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tests.conftest import Workbench
    from tests.real_checkpoints.conftest import Built, SameBits

    Tensors = Mapping[str, torch.Tensor]

HEAD, EMBEDDINGS = "lm_head.weight", "model.embed_tokens.weight"
LAYERS = 4
TOKENS = torch.tensor([[1, 5, 9, 33, 2, 60, 7], [3, 3, 8, 1, 0, 21, 40]])


def save(folder: Path, seed: int, *, tied: bool, dtype: torch.dtype = torch.bfloat16, **keys: Any) -> None:
    """A model saved in shards, as transformers does it."""
    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=64,
        hidden_size=32,
        intermediate_size=48,
        num_hidden_layers=LAYERS,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=32,
        initializer_range=0.3,
        tie_word_embeddings=tied,
    )
    model: Any = LlamaForCausalLM(config)
    model.to(dtype).save_pretrained(folder, **{"max_shard_size": "10KB"} | keys)
    assert len(list(folder.glob("*.safetensors"))) > 2 or "max_shard_size" in keys


@pytest.fixture(params=["tied", "untied"])
def two(request: pytest.FixtureRequest, bench: Workbench) -> Workbench:
    """Sources `a` and `b`, with their output heads tied to the embeddings or not."""
    for seed, name in enumerate("ab"):
        save(bench.folder / name, seed, tied=request.param == "tied")
        bench.sources[name] = {"path": name}
    return bench


def saved(bench: Workbench, name: str) -> dict[str, torch.Tensor]:
    files = (bench.folder / name).glob("*.safetensors")
    return {key: tensor for file in files for key, tensor in load_file(file).items()}


def between(first: Tensors, second: Tensors, t: float) -> dict[str, torch.Tensor]:
    """(1 - t) first + t second in float32, rounded once to bfloat16."""
    assert first.keys() == second.keys()
    made: dict[str, torch.Tensor] = {}
    for name in first:
        near, far = (tensors[name].to(torch.float32).numpy() for tensors in (first, second))
        mixed = near * np.float32(1 - t) + far * np.float32(t)
        made[name] = torch.from_numpy(mixed).to(torch.bfloat16)
    return made


def loaded(folder: Path) -> torch.nn.Module:
    """The model in a folder. All its weights must come from there."""
    loader: Any = AutoModelForCausalLM
    model, told = loader.from_pretrained(folder, output_loading_info=True)
    assert not any(told[key] for key in ("missing_keys", "unexpected_keys", "mismatched_keys"))
    assert isinstance(model, LlamaForCausalLM)
    model.train(mode=False)
    return model


def with_weights(folder: Path, weights: Tensors, layers: int = LAYERS) -> torch.nn.Module:
    """A new model of a folder's config with these weights, made without the loader."""
    config = LlamaConfig.from_pretrained(folder)
    config.num_hidden_layers = layers
    model = LlamaForCausalLM(config)
    left = model.load_state_dict(dict(weights), strict=False)
    assert left.missing_keys == ([HEAD] if HEAD not in weights else [])
    assert left.unexpected_keys == []
    model.train(mode=False)
    return model


def logits(model: torch.nn.Module) -> torch.Tensor:
    """Computed in float32, in which the smallest difference of a weight shows."""
    with torch.no_grad():
        made = model.to(torch.float32)(input_ids=TOKENS, use_cache=False).logits
    assert isinstance(made, torch.Tensor)
    assert made.shape == (2, 7, 64)
    return made


def same_logits(first: torch.nn.Module, second: torch.nn.Module) -> None:
    torch.testing.assert_close(logits(first), logits(second), rtol=0, atol=1e-5)


def interpolate(t: object) -> dict[str, object]:
    return {"op": "interpolate", "from": "a", "to": "b", "t": t}


def test_the_merged_model_computes_as_the_expected_weights_do(
    two: Workbench, built: Built, same_bits: SameBits
) -> None:
    made = built(two.recipe(interpolate(0.3)))
    expected = between(saved(two, "a"), saved(two, "b"), 0.3)
    same_bits(made, expected)
    same_logits(loaded(two.out), with_weights(two.folder / "a", expected))
    assert not torch.equal(logits(loaded(two.out)), logits(loaded(two.folder / "a")))


def test_many_small_shards_are_read_through_their_index(
    two: Workbench, built: Built, same_bits: SameBits
) -> None:
    made = built(two.recipe(interpolate(0.5), max_shard_size="12KB"))
    index = json.loads((two.out / "model.safetensors.index.json").read_text())
    files = sorted(path.name for path in two.out.glob("*.safetensors"))
    assert len(files) > 3
    assert sorted(set(index["weight_map"].values())) == files
    assert index["metadata"]["total_size"] == sum(tensor.nbytes for tensor in made.values())
    for file in files:
        assert sum(t.nbytes for t in load_file(two.out / file).values()) <= 12_000
    expected = between(saved(two, "a"), saved(two, "b"), 0.5)
    same_bits(made, expected)
    same_logits(loaded(two.out), with_weights(two.folder / "a", expected))


def test_the_head_stays_as_tied_as_it_was(two: Workbench, built: Built) -> None:
    tied = json.loads((two.folder / "a" / "config.json").read_text())["tie_word_embeddings"]
    made = built(two.recipe(interpolate(0.5)))
    assert (HEAD in made) is not tied
    model = loaded(two.out)
    shares = model.get_parameter(HEAD) is model.get_parameter(EMBEDDINGS)
    assert shares is tied


def test_stacking_layers_gives_a_deeper_model(two: Workbench, built: Built, same_bits: SameBits) -> None:
    slices = [
        {"model": "a", "layers": "model.layers.[0:3]"},
        {"model": "b", "layers": "model.layers.[1:4]"},
    ]
    made = built(two.recipe({"op": "layers", "slices": slices}, max_shard_size="20KB"))
    a, b = saved(two, "a"), saved(two, "b")
    expected = {name: tensor for name, tensor in a.items() if ".layers." not in name}
    for place, (model, layer) in enumerate([(a, 0), (a, 1), (a, 2), (b, 1), (b, 2), (b, 3)]):
        prefix = f"model.layers.{layer}."
        expected |= {n.replace(prefix, f"model.layers.{place}."): x for n, x in model.items() if prefix in n}
    same_bits(made, expected)
    assert json.loads((two.out / "config.json").read_text())["num_hidden_layers"] == 6
    deeper = loaded(two.out)
    assert {name.split(".")[2] for name, _ in deeper.named_parameters() if ".layers." in name} == set(
        "012345"
    )
    same_logits(deeper, with_weights(two.folder / "a", expected, layers=6))


def test_a_gradient_and_a_rule_for_norms(two: Workbench, built: Built, same_bits: SameBits) -> None:
    schedule = {"**norm.weight": 0.25, "model.layers.**": [0.0, 0.6], "**": 0.5}
    made = built(two.recipe(interpolate(schedule), dtype={"**norm.weight": "float32", "**": "bfloat16"}))
    a, b = saved(two, "a"), saved(two, "b")
    shares = [0.0, 0.2, 0.4, 0.6]
    for name, tensor in made.items():
        if name.endswith("norm.weight"):
            near, far = (x[name].to(torch.float32).numpy() for x in (a, b))
            expected = torch.from_numpy(near * np.float32(0.75) + far * np.float32(0.25))
        else:
            t = shares[int(name.split(".")[2])] if ".layers." in name else 0.5
            expected = between({name: a[name]}, {name: b[name]}, t)[name]
        same_bits({name: tensor}, {name: expected})


def test_the_config_tells_the_dtype_of_the_output(two: Workbench, built: Built, same_bits: SameBits) -> None:
    made = built(two.recipe(interpolate(0.5), dtype="float32"))
    config = json.loads((two.out / "config.json").read_text())
    assert {config[key] for key in ("dtype", "torch_dtype") if key in config} == {"float32"}
    model = loaded(two.out)
    assert {parameter.dtype for parameter in model.parameters()} == {torch.float32}
    same_bits({n: p.data for n, p in model.named_parameters() if n in made}, made)


def test_a_tied_head_that_an_old_file_stores_twice_is_written_once(bench: Workbench, built: Built) -> None:
    save(bench.folder / "new", 0, tied=True, max_shard_size="1GB")
    weights = saved(bench, "new")
    old = bench.folder / "old"
    old.mkdir()
    (old / "config.json").write_bytes((bench.folder / "new" / "config.json").read_bytes())
    torch.save(weights | {HEAD: weights[EMBEDDINGS]}, old / "pytorch_model.bin")
    bench.sources["old"] = {"path": "old"}
    made = built(bench.recipe("old"))
    assert made.keys() == weights.keys()
    same_logits(loaded(bench.out), loaded(bench.folder / "new"))


def test_a_tied_and_an_untied_model_need_a_word_from_the_recipe(bench: Workbench) -> None:
    for name, tied in (("a", True), ("b", False)):
        save(bench.folder / name, 0, tied=tied)
        bench.sources[name] = {"path": name}
    assert bench.codes(interpolate(0.5)) == ["MC0306"]
