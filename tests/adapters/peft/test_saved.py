"""Full tensors in PEFT adapters, and words trained alone."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import peft
import pytest
from torch import nn

from mergec.adapters.peft.dialect import Peft
from tests.adapters.evaluate import Bench
from tests.adapters.peft.peft_models import Layers, drawn, merged, save_adapter, save_base
from tests.adapters.peft.test_dialect import assert_parity, built

if TYPE_CHECKING:
    from tests.conftest import Workbench


def test_saved_modules_replace(bench: Workbench) -> None:
    config = peft.LoraConfig(r=3, target_modules=["linear"], modules_to_save=["head", "norm"])
    changed = ["linear.weight", "head.weight", "head.bias", "norm.weight", "norm.bias"]
    assert_parity(bench, drawn(Layers()), config, *changed)


@pytest.mark.parametrize(
    ("bias", "changed"), [("lora_only", ["linear"]), ("all", ["linear", "norm", "head"])]
)
def test_trained_biases_replace(bench: Workbench, bias: Any, changed: list[str]) -> None:
    model = drawn(Layers())
    del model.conv1, model.conv2, model.conv3, model.point, model.attention
    config = peft.LoraConfig(r=3, target_modules=["linear"], bias=bias)
    assert_parity(bench, model, config, "linear.weight", *(f"{module}.bias" for module in changed))


@pytest.mark.parametrize("as_list", [True, False])
def test_trained_words(bench: Workbench, *, as_list: bool) -> None:
    model, indices = drawn(Layers()), [7, 0, 1, 19]
    config = peft.LoraConfig(r=3, target_modules=["linear"], trainable_token_indices={"embed": indices})
    save_base(model, bench.folder / "base")
    save_adapter(model, config, bench.folder / "style")
    wanted = merged(model, bench.folder / "style")
    if as_list:  # as PEFT lets them be written where the embeddings are called `embed_tokens`
        file = bench.folder / "style" / "adapter_config.json"
        values = {**json.loads(file.read_text()), "trainable_token_indices": indices}
        file.write_text(json.dumps(values))
    bench.sources.update(base="base", style="style")
    made = bench.build({"op": "lora", "base": "base", "adapters": {"style": 1}})
    np.testing.assert_array_equal(made["embed.weight"].values, wanted["embed.weight"].numpy())


def test_trained_words_alone(bench: Workbench) -> None:
    config = peft.TrainableTokensConfig(token_indices=[5, 1], target_modules=["embed"])
    assert_parity(bench, drawn(Layers()), config, "embed.weight")


def test_attention_is_folded_once_where_peft_folds_it_twice(bench: Workbench) -> None:
    model = drawn(Layers())
    config = peft.LoraConfig(r=2, target_modules=["attention"])
    found, wanted = built(bench, model, {"style": config})
    name, before = "attention.out_proj.weight", model.state_dict()
    twice = (wanted[name] - before[name]).numpy()
    np.testing.assert_allclose(found[name] - before[name].numpy(), twice / 2, atol=5e-7)
    name = "attention.in_proj_weight"
    np.testing.assert_allclose(found[name], wanted[name].numpy(), rtol=1e-6, atol=5e-7)


def test_several_adapters(bench: Workbench) -> None:
    keys: dict[str, Any] = {"target_modules": ["linear", "head"], "r": 3}
    adapters = {"a": peft.LoraConfig(**keys), "b": peft.LoraConfig(**keys, use_rslora=True)}
    found, wanted = built(bench, drawn(Layers()), dict(adapters))
    for name, tensor in wanted.items():
        np.testing.assert_allclose(found[name], tensor.numpy(), rtol=1e-6, atol=1e-6, err_msg=name)


@pytest.mark.parametrize(
    ("held", "is_added"),
    [("pooler.dense.weight", True), ("encoder.classifier.dense.weight", False), ("dense.weight", True)],
)
def test_a_module_that_the_base_holds_elsewhere_is_not_added(held: str, *, is_added: bool) -> None:
    bench = Bench()
    facts = bench.facts({"peft_type": "IA3", "modules_to_save": ["classifier"]})
    adapter = bench.adapter({"base_model.model.classifier.dense.weight": np.ones((2, 2), np.float32)}, facts)
    reading = Peft().read(adapter, bench.tensors({held: np.ones((2, 2), np.float32)}))
    assert [fold.target for fold in reading.folds] == ["classifier.dense.weight"] * is_added
    assert len(reading.unmatched) == (not is_added)


@pytest.mark.parametrize(
    ("name", "is_replaced"),
    [
        ("q.bias", False),
        ("embed_tokens.weight", True),
        ("words.base_layer.weight", True),
        ("words.weight", False),
        ("classifier.dense.weight", True),
    ],
)
def test_only_words_and_labels_may_be_more_than_those_of_the_base(name: str, *, is_replaced: bool) -> None:
    bench = Bench()
    facts = bench.facts({"peft_type": "IA3", "modules_to_save": ["classifier"]})
    shape = (5,) if name.endswith("bias") else (5, 2)
    adapter = bench.adapter({f"base_model.model.{name}": np.ones(shape, np.float32)}, facts)
    base = {name.replace(".base_layer", ""): np.ones((4, *shape[1:]), np.float32)}
    reading = Peft().read(adapter, bench.tensors(base))
    assert bool(reading.folds) is is_replaced
    assert [one.code for one in reading.problems] == ([] if is_replaced else ["MC0334"])


def test_saved_embeddings_that_are_written_twice_are_taken_once() -> None:
    """PEFT 0.21: `modules_to_save` of embeddings whose vocabulary is not that of the base model's config."""
    bench = Bench()
    facts = bench.facts({"peft_type": "LORA", "r": 2, "lora_alpha": 2, "modules_to_save": ["lm_head"]})
    middles = ("", ".modules_to_save", ".original_module")
    names = [f"base_model.model.lm_head{middle}.weight" for middle in middles]
    adapter = bench.adapter(dict.fromkeys(names, np.ones((5, 2), np.float32)), facts)
    reading = Peft().read(adapter, bench.tensors({"lm_head.weight": np.ones((4, 2), np.float32)}))
    assert [(fold.target, fold.uses) for fold in reading.folds] == [("lm_head.weight", (names[0],))]
    assert list(reading.ignored) == names[1:]


class Classifier(nn.Module):
    """A model whose head an adapter brings along."""

    def __init__(self) -> None:
        super().__init__()
        self.config = {"model_type": "custom"}
        self.linear = nn.Linear(4, 4)
        self.score = nn.Linear(4, 2, bias=False)


@pytest.mark.parametrize("says_so", [True, False])
def test_a_head_that_the_base_lacks_is_added(bench: Workbench, *, says_so: bool) -> None:
    model = drawn(Classifier())
    saved = ["score"]
    config = peft.LoraConfig(r=2, target_modules=["linear"], modules_to_save=saved, task_type="SEQ_CLS")
    save_adapter(model, config, bench.folder / "style")
    wanted = merged(model, bench.folder / "style")
    del model.score
    save_base(model, bench.folder / "base")
    if not says_so:
        file = bench.folder / "style" / "adapter_config.json"
        file.write_text(json.dumps({**json.loads(file.read_text()), "modules_to_save": None}))
    bench.sources.update(base="base", style="style")
    made = bench.build({"op": "lora", "base": "base", "adapters": ["style"]})
    np.testing.assert_array_equal(made["score.weight"].values, wanted["score.weight"].numpy())
