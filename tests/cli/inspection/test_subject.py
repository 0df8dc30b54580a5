from __future__ import annotations

from typing import TYPE_CHECKING

from tests.cli.inspection.subjects import made, opened
from tests.recipe.proposals.named_models import kind

if TYPE_CHECKING:
    from pathlib import Path


def test_configs_and_metadata_are_those_beside_the_file(tmp_path: Path) -> None:
    adapter = {"peft_type": "LORA"}
    found = made(tmp_path / "m", {"a": kind(2)}, {"x": 1}, adapter=adapter, metadata={"format": "pt"})
    assert found.facts.config == {"x": 1}
    assert found.facts.adapter_config == adapter
    assert found.facts.metadata == {"format": "pt"}
    assert found.broken == ()
    assert opened(tmp_path / "m" / "model.safetensors").facts.config == {"x": 1}


def test_a_model_has_no_adapter_config(tmp_path: Path) -> None:
    assert made(tmp_path / "m", {"a": kind(2)}).facts.adapter_config is None


def test_a_broken_config_is_told_and_stops_nothing(tmp_path: Path) -> None:
    made(tmp_path / "m", {"a": kind(2)})
    (tmp_path / "m" / "config.json").write_text("[")
    found = opened(tmp_path / "m")
    assert len(found.broken) == 1
    assert "config.json" in found.broken[0]
    assert list(found.checkpoint.tensors) == ["a"]


def test_the_other_files_of_a_folder(tmp_path: Path) -> None:
    made(tmp_path / "m", {"a": kind(2)}, {"x": 1})
    for name in ("README.md", ".hidden"):
        (tmp_path / "m" / name).write_text("text")
    (tmp_path / "m" / "folder").mkdir()
    assert opened(tmp_path / "m").beside == ("README.md", "config.json")
    assert opened(tmp_path / "m" / "model.safetensors").beside == ()
