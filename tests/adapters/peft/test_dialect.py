"""Parity with PEFT: what op: lora builds is what merge_and_unload makes, on every kind that PEFT folds."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import peft
import pytest
import torch
from transformers.pytorch_utils import Conv1D

from tests.adapters.peft.peft_models import Layers, drawn, merged, save_adapter, save_base

if TYPE_CHECKING:
    from peft import PeftConfig
    from torch import nn

    from tests.conftest import Workbench

    Array = np.ndarray[Any, Any]

_EVERYTHING = ["embed", "linear", "square", "conv1", "conv2", "conv3", "point", "head"]


def built(
    bench: Workbench, model: nn.Module, adapters: dict[str, PeftConfig]
) -> tuple[dict[str, Array], Any]:
    """What mergec builds of the model and adapters for it, and what PEFT merges."""
    save_base(model, bench.folder / "base")
    bench.sources["base"] = "base"
    for number, (name, config) in enumerate(adapters.items()):
        save_adapter(model, config, bench.folder / name, seed=number)
        bench.sources[name] = name
    made = bench.build({"op": "lora", "base": "base", "adapters": dict.fromkeys(adapters, 1)})
    wanted = merged(model, *(bench.folder / name for name in adapters))
    return {name: tensor.values for name, tensor in made.items()}, wanted


def assert_parity(bench: Workbench, model: nn.Module, config: PeftConfig, *changed: str) -> None:
    found, wanted = built(bench, model, {"style": config})
    before = {name: tensor.numpy() for name, tensor in model.state_dict().items()}
    assert found.keys() == wanted.keys()
    for name, tensor in wanted.items():
        expected = tensor.numpy()
        size = max(float(np.abs(expected).max()), 1e-3)
        assert float(np.abs(found[name] - expected).max()) <= 1e-6 * size, name
    moved = {name for name in before if not np.array_equal(before[name], found[name])}
    assert moved == set(changed), "the adapter changes these tensors and no others"


def weights(*modules: str) -> list[str]:
    return [f"{module}.weight" for module in modules]


LORA = [
    {},
    {"use_rslora": True},
    {"lora_bias": True, "target_modules": ["linear", "head"]},
    {"rank_pattern": {"linear": 2, "conv.": 4}, "alpha_pattern": {"he.d": 7, "head": 9, "^embed": 5}},
    {"use_dora": True},
    {"use_dora": True, "use_rslora": True, "rank_pattern": {"square": 5}},
    {"init_lora_weights": "gaussian"},
    {"init_lora_weights": "orthogonal", "target_modules": ["square"], "r": 4},
]


@pytest.mark.parametrize("keys", LORA, ids=str)
def test_lora(bench: Workbench, keys: dict[str, Any]) -> None:
    keys = {"target_modules": _EVERYTHING, "r": 3, "lora_alpha": 8, **keys}
    targets = keys["target_modules"]
    biases = [f"{module}.bias" for module in targets] if keys.get("lora_bias") else []
    assert_parity(bench, drawn(Layers()), peft.LoraConfig(**keys), *weights(*targets), *biases)


@pytest.mark.parametrize(
    ("config", "changed"),
    [
        (
            peft.LoHaConfig(r=3, alpha=5, target_modules=_EVERYTHING[1:5], init_weights=False),
            _EVERYTHING[1:5],
        ),
        (
            peft.LoHaConfig(
                r=3,
                alpha=5,
                use_effective_conv2d=True,
                target_modules=["conv1", "conv2", "point"],
                init_weights=False,
            ),
            ["conv1", "conv2", "point"],
        ),
        (
            peft.LoHaConfig(
                r=3, alpha=5, target_modules=["linear", "head"], rank_pattern={"head": 2}, init_weights=False
            ),
            ["linear", "head"],
        ),
        (
            peft.LoKrConfig(r=8, alpha=5, target_modules=_EVERYTHING[1:5], init_weights=False),
            _EVERYTHING[1:5],
        ),
        (
            peft.LoKrConfig(
                r=1,
                alpha=5,
                decompose_both=True,
                decompose_factor=2,
                target_modules=["linear", "square", "conv2"],
                init_weights=False,
            ),
            ["linear", "square", "conv2"],
        ),
        (
            peft.LoKrConfig(
                r=1, alpha=5, use_effective_conv2d=True, target_modules=["conv2"], init_weights=False
            ),
            ["conv2"],
        ),
        (
            peft.AdaLoraConfig(
                init_r=6, target_r=4, total_step=10, lora_alpha=9, target_modules=["linear", "square", "head"]
            ),
            ["linear", "square", "head"],
        ),
        (
            peft.VeraConfig(r=6, target_modules=["linear", "square"], save_projection=True),
            ["linear", "square"],
        ),
        (
            peft.OFTConfig(
                oft_block_size=4, target_modules=["linear", "square", "conv2"], init_weights=False
            ),
            ["linear", "square", "conv2"],
        ),
        (
            peft.OFTConfig(
                oft_block_size=4,
                use_cayley_neumann=False,
                target_modules=["linear", "conv2"],
                init_weights=False,
            ),
            ["linear", "conv2"],
        ),
        (
            peft.OFTConfig(
                oft_block_size=4, num_cayley_neumann_terms=3, target_modules=["linear"], init_weights=False
            ),
            ["linear"],
        ),
        (
            peft.OFTConfig(oft_block_size=4, block_share=True, target_modules=["square"], init_weights=False),
            ["square"],
        ),
        (
            peft.BOFTConfig(
                boft_block_size=4, target_modules=["linear", "square", "conv2"], init_weights=False
            ),
            ["linear", "square", "conv2"],
        ),
    ],
    ids=lambda value: str(value.peft_type) if isinstance(value, peft.PeftConfig) else "",
)
def test_other_kinds(bench: Workbench, config: PeftConfig, changed: list[str]) -> None:
    assert_parity(bench, drawn(Layers()), config, *weights(*changed))


def test_ia3(bench: Workbench) -> None:
    targets = ["linear", "square", "head", "conv2", "conv3"]
    config = peft.IA3Config(target_modules=targets, feedforward_modules=["square", "head", "conv3"])
    assert_parity(bench, drawn(Layers()), config, *weights(*targets), "linear.bias", "conv2.bias")


def test_ln_tuning(bench: Workbench) -> None:
    config = peft.LNTuningConfig(target_modules=["norm"])
    assert_parity(bench, drawn(Layers()), config, "norm.weight", "norm.bias")


class Gpt(torch.nn.Module):
    """Layers with their inputs first, one of them square, and one that is plain."""

    def __init__(self) -> None:
        super().__init__()
        self.attn = torch.nn.Module()
        self.attn.c_attn = Conv1D(24, 8)  # type: ignore[no-untyped-call]
        self.attn.c_proj = Conv1D(8, 8)  # type: ignore[no-untyped-call]
        self.lm_head = torch.nn.Linear(8, 30, bias=False)


@pytest.mark.parametrize("use_dora", [False, True])
@pytest.mark.parametrize("said", [True, False, None])
def test_layers_with_inputs_first_are_known_whatever_the_configuration_says(
    bench: Workbench, *, use_dora: bool, said: bool | None
) -> None:
    model = drawn(Gpt())
    targets = ["c_attn", "c_proj", "lm_head"]
    config = peft.LoraConfig(r=3, target_modules=targets, fan_in_fan_out=True, use_dora=use_dora)
    save_base(model, bench.folder / "base")
    save_adapter(model, config, bench.folder / "style")
    bench.sources.update(base="base", style="style")
    wanted = merged(model, bench.folder / "style")
    file = bench.folder / "style" / "adapter_config.json"
    values = json.loads(file.read_text())
    values.pop("fan_in_fan_out")
    file.write_text(json.dumps(values if said is None else {**values, "fan_in_fan_out": said}))
    made = bench.build({"op": "lora", "base": "base", "adapters": {"style": 1}})
    for name, tensor in wanted.items():
        np.testing.assert_allclose(made[name].values, tensor.numpy(), rtol=1e-5, atol=1e-6, err_msg=name)
