"""The lines that the help of MC0333 gives, written into the recipe, build what PEFT merges."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import numpy as np
import peft
import pytest
import torch
import yaml
from torch import nn

import mergec
from tests.adapters.peft.peft_models import drawn, merged, save_adapter
from tests.conftest import write_checkpoint

if TYPE_CHECKING:
    from collections.abc import Callable

    from peft import PeftConfig

    from tests.conftest import Workbench


def tree(**parts: nn.Module) -> nn.Module:
    made = nn.Module()
    for name, part in parts.items():
        made.add_module(name, part)
    return made


def layers(name: str) -> nn.Module:
    return nn.ModuleList(tree(**{name: nn.Linear(6, 5)}) for _ in range(2))


def multimodal() -> nn.Module:
    """The names that LlavaForConditionalGeneration of transformers 5 has in memory."""
    model = tree(
        vision_tower=tree(encoder=tree(layers=layers("q_proj"))),
        multi_modal_projector=tree(linear_1=nn.Linear(6, 5)),
        language_model=tree(layers=layers("q_proj")),
    )
    made = tree(model=model, lm_head=nn.Linear(6, 7))
    made.config = {"model_type": "custom", "tie_word_embeddings": False}  # type: ignore[assignment]
    return made


def in_files(name: str, tower: str = "vision_tower.") -> str:
    name = name.replace("model.language_model.", "language_model.model.")
    name = name.replace("lm_head.", "language_model.lm_head.")
    name = name.replace("model.vision_tower.", tower)
    return name.replace("model.multi_modal_projector.", "multi_modal_projector.")


def in_files_of_transformers_4(name: str) -> str:
    return in_files(name, "vision_tower.vision_model.")


class Experts(nn.Module):
    """The stacked experts of transformers 5."""

    def __init__(self) -> None:
        super().__init__()
        self.gate_up_proj = nn.Parameter(torch.empty(3, 10, 6))
        self.down_proj = nn.Parameter(torch.empty(3, 6, 5))


def mixture() -> nn.Module:
    made = tree(model=tree(layers=nn.ModuleList(tree(mlp=tree(experts=Experts())) for _ in range(2))))
    made.config = {"model_type": "custom"}  # type: ignore[assignment]
    return made


def one_by_one(state: dict[str, torch.Tensor], names: tuple[str, ...], holder: str) -> dict[str, Any]:
    """The experts as files hold them: gate, up and down of each."""
    gate, up, down = names
    made = {}
    for name, stack in state.items():
        path = name.rpartition(".")[0].replace("mlp", holder)
        for number, expert in enumerate(stack):
            parts = zip((gate, up), expert.chunk(2), strict=True) if "gate_up" in name else [(down, expert)]
            for part, value in parts:
                made[f"{path}.{number}.{part}.weight"] = value
    return made


class Case:
    """A model, an adapter for it, and a base file in which the model has other names."""

    def __init__(self, bench: Workbench, model: nn.Module, config: PeftConfig) -> None:
        self.bench, self.model = bench, drawn(model)
        save_adapter(self.model, config, bench.folder / "style")
        self.wanted = merged(self.model, bench.folder / "style")
        bench.sources["style"] = {"path": "style"}

    def base(self, state: dict[str, torch.Tensor]) -> None:
        arrays = {name: value.detach().numpy() for name, value in state.items()}
        write_checkpoint(self.bench.folder / "base.safetensors", arrays)
        self.bench.sources["base"] = {"path": "base.safetensors"}

    def advised(self, models: dict[str, Any]) -> str:
        with pytest.raises(mergec.MergecError) as caught:
            self.bench.recipe(models).check()
        (error,) = caught.value.errors
        assert error.code == "MC0333"
        return error.help or ""

    def lines(self, models: dict[str, Any]) -> tuple[str, list[Any]]:
        """The source that gets rules, and the rules as YAML reads them."""
        found = re.search(
            r"give the source `(\w+)` the rules? `rename: (\[.*?\])`: then all", self.advised(models)
        )
        assert found
        return found[1], yaml.safe_load(found[2])  # noqa: TID251  # the text of a message

    def check(self, models: dict[str, Any], name: Callable[[str], str]) -> None:
        made = self.bench.build(models)
        assert made.keys() == {name(wanted) for wanted in self.wanted}
        for wanted, value in self.wanted.items():
            np.testing.assert_allclose(made[name(wanted)].values, value.numpy(), rtol=1e-6, atol=1e-6)


FOLD = {"op": "lora", "base": "base", "adapters": {"style": 1}}
_WHOLE = {
    "model.multi_modal_projector.linear_1": "multi_modal_projector.linear_1",
    "model.language_model.norm": "language_model.model.norm",
}
ALL = peft.LoraConfig(r=2, target_modules=["q_proj", "linear_1", "lm_head"])


def test_an_adapter_trained_in_memory_on_a_base_in_files(bench: Workbench) -> None:
    case = Case(bench, multimodal(), ALL)
    case.base({in_files(name): value for name, value in case.model.state_dict().items()})
    source, rules = case.lines({"merged": FOLD})
    assert source == "style"
    assert rules == ["base_model.model.{rest:**} -> {rest}", {"preset": "hf-memory-to-file"}]
    bench.sources["style"] = {"path": "style", "rename": rules}
    case.check({"merged": FOLD}, in_files)


def test_where_no_preset_for_the_adapter_fits_one_for_the_base_does(bench: Workbench) -> None:
    """Presets to the files of transformers 4 would have to guess: its tower has one name more."""
    case = Case(bench, multimodal(), ALL)
    state = {in_files_of_transformers_4(name): value for name, value in case.model.state_dict().items()}
    case.base(state)
    source, rules = case.lines({"merged": FOLD})
    assert (source, rules) == ("base", [{"preset": "hf-file-to-memory"}])
    back = "`{op: select, model: MERGED, rename: {preset: hf-memory-to-file}}` gives the result the old names"
    assert case.advised({"merged": FOLD}).endswith(back)
    bench.sources["base"] = {"path": "base.safetensors", "rename": rules}
    case.check({"merged": FOLD}, str)
    select = {"op": "select", "model": "merged", "rename": {"preset": "hf-memory-to-file"}}
    case.check({"merged": FOLD, "files": select}, in_files)


def test_rules_after_which_it_would_be_no_adapter_are_none(bench: Workbench) -> None:
    """Whole tensors alone are known for an adapter's by what PEFT puts before their names."""
    bench.source("base", {f"{path}.weight": np.ones((3, 2), np.float32) for path in _WHOLE.values()})
    folder = bench.folder / "style"
    trained = {f"base_model.model.{path}.weight": np.zeros((3, 2), np.float32) for path in _WHOLE}
    write_checkpoint(folder / "adapter_model.safetensors", trained)
    config = {"peft_type": "LORA", "r": 2, "lora_alpha": 4, "modules_to_save": ["linear_1", "lm_head"]}
    (folder / "adapter_config.json").write_text(json.dumps(config))
    bench.sources["style"] = {"path": "style"}
    with pytest.raises(mergec.MergecError) as caught:
        bench.recipe(FOLD).check()
    (error,) = caught.value.errors
    assert (error.help or "").startswith(
        "give the source `base` the rule `rename: [{preset: hf-file-to-memory}]`"
    )


def test_a_base_that_is_no_source_is_renamed_as_a_model(bench: Workbench) -> None:
    case = Case(bench, multimodal(), ALL)
    state = {in_files_of_transformers_4(name): value for name, value in case.model.state_dict().items()}
    case.base(state)
    cast = {"op": "cast", "model": "base", "dtype": "float32"}
    advice = case.advised({"wide": cast, "merged": {**FOLD, "base": "wide"}})
    select = "{op: select, model: wide, rename: [{preset: hf-file-to-memory}]}"
    assert advice.startswith(f"fold into `{select}`: then all of them fit; ")
    renamed = yaml.safe_load(select)  # noqa: TID251  # the text of a message
    case.check({"wide": cast, "renamed": renamed, "merged": {**FOLD, "base": "renamed"}}, str)


@pytest.mark.parametrize(
    ("layers", "holder"),
    [(("gate_proj", "up_proj", "down_proj"), "mlp"), (("w1", "w3", "w2"), "block_sparse_moe")],
)
@pytest.mark.parametrize("targeted", [["gate_up_proj", "down_proj"], ["down_proj"], ["gate_up_proj"]])
def test_experts_that_the_base_stores_one_by_one(
    bench: Workbench, layers: tuple[str, ...], holder: str, targeted: list[str]
) -> None:
    """Those that the adapter does not change may stay as they are."""
    parameters = [f"mlp.experts.{name}" for name in targeted]
    case = Case(bench, mixture(), peft.LoraConfig(r=2, target_modules=[], target_parameters=parameters))
    state = dict(case.model.state_dict())
    case.base(one_by_one(state, layers, holder))
    source, rules = case.lines({"merged": FOLD})
    assert source == "base"
    assert [rule["to"].rpartition(".")[2] for rule in rules if "stack" in rule] == sorted(targeted)
    bench.sources["base"] = {"path": "base.safetensors", "rename": rules}
    made = bench.build({"merged": FOLD})
    for name in parameters:
        for number in range(2):
            stack = f"model.layers.{number}.{name}"
            wanted = case.wanted[stack].numpy()
            np.testing.assert_allclose(made[stack].values, wanted, rtol=1e-6, atol=1e-6)


def test_no_stack_where_an_expert_lacks_a_layer(bench: Workbench) -> None:
    config = peft.LoraConfig(r=2, target_modules=[], target_parameters=["experts.gate_up_proj"])
    case = Case(bench, mixture(), config)
    state = one_by_one(dict(case.model.state_dict()), ("gate_proj", "other", "down_proj"), "mlp")
    case.base(state)
    assert case.advised({"merged": FOLD}).startswith("fold it into the model that it was trained on")


def test_whole_tensors_alone_are_for_op_override(bench: Workbench) -> None:
    """As the non_lora_trainables.bin of LLaVA beside the configuration of its LoRA."""
    bench.source("base", {"model.norm.weight": np.ones(4, np.float32)})
    folder = bench.folder / "run"
    trained = {"base_model.model.model.mm_projector.0.weight": np.ones((3, 4), np.float32)}
    write_checkpoint(folder / "trained.safetensors", trained)
    config = {"peft_type": "LORA", "r": 2, "lora_alpha": 4}
    (folder / "adapter_config.json").write_text(json.dumps(config))
    bench.sources["trained"] = {"path": "run/trained.safetensors"}
    with pytest.raises(mergec.MergecError) as caught:
        bench.recipe({"op": "lora", "base": "base", "adapters": ["trained"]}).check()
    (error,) = caught.value.errors
    assert error.help == (
        "these are whole tensors that the base lacks, and no factors: lay them over it, "
        "`{op: override, base: base, with: [trained]}`, and give the source `trained` the rule "
        '`rename: ["base_model.model.{rest:**} -> {rest}"]`'
    )
    rules = ["base_model.model.{rest:**} -> {rest}"]
    bench.sources["trained"] = {"path": "run/trained.safetensors", "rename": rules}
    made = bench.build({"op": "override", "base": "base", "with": ["trained"]})
    assert set(made) == {"model.norm.weight", "model.mm_projector.0.weight"}
