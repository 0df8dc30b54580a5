from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from mergec.cli.inspection.adapter_facts import AdaptedModule, AdapterFacts, adapter_facts
from tests.cli.inspection.subjects import made, opened
from tests.recipe.proposals.named_models import kind

if TYPE_CHECKING:
    from pathlib import Path

    from tests.recipe.proposals.named_models import Tensors

FLAT = "lora_unet_mid_block_attentions_0_proj"


def factors(path: str, rank: int, infix: str = "") -> Tensors:
    return {f"{path}.lora_A{infix}.weight": kind(rank, 8), f"{path}.lora_B{infix}.weight": kind(6, rank)}


def peft(folder: Path, tensors: Tensors, **config: object) -> AdapterFacts:
    found = adapter_facts(made(folder / "a", tensors, adapter={"peft_type": "LORA", **config}))
    assert found is not None
    return found


def test_a_model_is_no_adapter(tmp_path: Path) -> None:
    assert adapter_facts(made(tmp_path / "m", {"a.weight": kind(2, 2)})) is None


def test_rank_patterns_and_rooted_scales(tmp_path: Path) -> None:
    tensors = {**factors("base_model.model.q", 4, ".mine"), **factors("base_model.model.v", 16, ".mine")}
    tensors["base_model.model.head.weight"] = kind(3)
    found = peft(tmp_path, tensors, r=4, lora_alpha=8, use_rslora=True, rank_pattern={"v": 16}, bias="none")
    assert found.modules == (
        AdaptedModule("q", "LoRA", 4, 8.0, 4.0, 2),
        AdaptedModule("v", "LoRA", 16, 8.0, 2.0, 2),
    )
    assert found.full == ("base_model.model.head.weight",)
    assert found.names == ("mine",)
    assert found.settings == {"peft_type": "LORA", "use_rslora": True}
    assert found.kinds == {"LoRA": 2}


def test_weights_that_were_trained_along_are_pointed_out(tmp_path: Path) -> None:
    assert peft(tmp_path, factors("m.q", 2), init_lora_weights=True).beside is None
    (tmp_path / "a" / "non_lora_trainables.bin").write_bytes(b"x")
    (tmp_path / "a" / "model.safetensors").rename(tmp_path / "a" / "adapter_model.safetensors")
    found = adapter_facts(opened(tmp_path / "a"))
    assert found is not None
    assert found.beside == "non_lora_trainables.bin"
    assert found.settings == {"peft_type": "LORA"}


@pytest.mark.parametrize(
    ("part", "expected"),
    [
        ("lora_magnitude_vector.weight", "DoRA"),
        ("lora_E.weight", "AdaLoRA"),
    ],
)
def test_kinds_by_their_parts(tmp_path: Path, part: str, expected: str) -> None:
    found = peft(tmp_path, {**factors("m.q", 2), f"m.q.{part}": kind(6)}, r=2, lora_alpha=2)
    assert found.kinds == {expected: 1}


@pytest.mark.parametrize("config", [{"r": "x"}, {"rank_pattern": {"(": 1}}, {"lora_alpha": float("inf")}])
def test_a_broken_config_only_hides_the_figure(tmp_path: Path, config: dict[str, Any]) -> None:
    found = peft(tmp_path, factors("m.q", 2), **config)
    assert found.modules[0].rank == 2
    assert found.modules[0].scale is None or np.isfinite(found.modules[0].scale)


def test_alphas_of_kohya_are_read(tmp_path: Path) -> None:
    tensors: dict[str, Any] = {
        f"{FLAT}.lora_down.weight": np.zeros((4, 8), np.float16),
        f"{FLAT}.lora_up.weight": np.zeros((6, 4), np.float16),
        f"{FLAT}.alpha": np.array(3, np.float16),
        f"{FLAT}_out.hada_w1_b": np.zeros((5, 8), np.float16),
    }
    found = adapter_facts(made(tmp_path / "k", tensors))
    assert found is not None
    assert found.dialect == "kohya"
    assert found.modules == (
        AdaptedModule(FLAT, "LoRA", 4, 3.0, 0.75, 3),
        AdaptedModule(f"{FLAT}_out", "LoHa", 5, 5.0, 1.0, 1),
    )


def test_alphas_of_diffusers_are_in_the_header(tmp_path: Path) -> None:
    header = {"lora_adapter_metadata": json.dumps({"unet.r": 4, "unet.lora_alpha": 2})}
    found = adapter_facts(made(tmp_path / "d", factors("unet.mid.to_q", 4), metadata=header))
    assert found is not None
    assert (found.dialect, found.modules[0].alpha, found.modules[0].scale) == ("diffusers", 2.0, 0.5)
