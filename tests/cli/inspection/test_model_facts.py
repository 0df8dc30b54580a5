from __future__ import annotations

from typing import TYPE_CHECKING

from mergec.cli.inspection.model_facts import model_facts
from tests.cli.inspection.subjects import made
from tests.recipe.proposals.named_models import LLAVA, kind, prefixed

if TYPE_CHECKING:
    from pathlib import Path


def test_a_wrapped_model_is_seen_through(tmp_path: Path) -> None:
    facts = model_facts(made(tmp_path / "m", prefixed("module.", LLAVA["memory"]), {"model_type": "llava"}))
    assert [part.name for part in facts.parts.parts] == [
        "vision_tower",
        "connector",
        "language_model",
        "head",
    ]
    assert all(name.startswith("module.") for part in facts.parts.parts for name in part.tensors)
    assert [prefix.text for prefix in facts.prefixes] == ["module"]
    assert [preset.name for preset in facts.presets] == ["hf-memory-to-file"]
    assert facts.adapter is None
    assert [verdict.fits for verdict in facts.verdicts] == [True, True]


def test_an_adapter_gets_no_presets(tmp_path: Path) -> None:
    tensors = {f"base_model.model.q.lora_{side}.weight": kind(2, 2) for side in "AB"}
    facts = model_facts(made(tmp_path / "a", tensors, adapter={"peft_type": "LORA", "r": 2}))
    assert facts.adapter is not None
    assert (facts.presets, facts.quantised) == ((), ())
