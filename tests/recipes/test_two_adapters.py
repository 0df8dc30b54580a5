"""Two adapters at their strengths, against PEFT's own merges one after the other."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import pytest
import torch
from safetensors.torch import load_file

import mergec

if TYPE_CHECKING:
    from pathlib import Path

transformers: Any = pytest.importorskip("transformers", minversion="5")
with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # of PEFT, about libraries that it does not find
    import peft
    from peft.tuners.lora import LoraLayer


def merged_by_peft(model: Any, adapter: Path, strength: float) -> Any:
    """The model with an adapter of this strength merged by PEFT."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of PEFT, about its own use of transformers
        tuned = peft.PeftModel.from_pretrained(model, adapter)
    for module in tuned.modules():
        if isinstance(module, LoraLayer):
            module.scale_layer(strength)
    return tuned.merge_and_unload()


@pytest.fixture(scope="module")
def weights(copied: Path) -> Path:
    return copied / "two-adapters" / "weights"


@pytest.fixture(scope="module")
def made(copied: Path) -> Path:
    recipe = copied / "two-adapters" / "recipe.yaml"
    return mergec.load(recipe).build(out=recipe.with_name("out")).path


def test_it_is_what_peft_merges(made: Path, weights: Path) -> None:
    load = transformers.AutoModelForSequenceClassification.from_pretrained
    found, told = load(made, output_loading_info=True)
    assert not any(told.values())
    wanted = merged_by_peft(load(weights / "base"), weights / "topics", 1)
    wanted.bert = merged_by_peft(wanted.bert, weights / "medicine", 0.4)
    for name, tensor in wanted.state_dict().items():
        torch.testing.assert_close(found.state_dict()[name], tensor, rtol=1e-6, atol=1e-7, msg=name)
    words = torch.arange(24).reshape(2, 12)
    with torch.no_grad():
        answers = [model.eval()(words).logits for model in (found, wanted)]
    torch.testing.assert_close(*answers, rtol=1e-5, atol=1e-6)


def test_the_head_of_the_classifier_is_that_of_the_adapter(made: Path, weights: Path) -> None:
    found = load_file(made / "model.safetensors")["classifier.weight"]
    adapter = load_file(weights / "topics" / "adapter_model.safetensors")
    assert torch.equal(found, adapter["base_model.model.classifier.weight"])
    assert not torch.equal(found, load_file(weights / "base" / "model.safetensors")["classifier.weight"])
