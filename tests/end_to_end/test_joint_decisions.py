"""Thresholds over a whole model: looked for when a tensor needs them, and not when nothing does."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

import mergec
from mergec.execute import joint_task as deciding

if TYPE_CHECKING:
    from pathlib import Path

    from mergec.execute.evaluator import Evaluator
    from mergec.ir.plan import JointTask

_RECIPE = """
mergec: 1
sources: {b: b.safetensors, x: x.safetensors}
models:
  merged: {op: ties, base: b, inputs: {x: {weight: 1, density: 0.5}}, scope: model}
output: {model: merged, path: out}
"""


@pytest.fixture
def recipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for seed, name in enumerate("bx"):
        random = np.random.default_rng(seed)
        tensors = {key: random.standard_normal((40, 30), dtype=np.float32) for key in ("u", "v", "w")}
        save_file(tensors, tmp_path / f"{name}.safetensors")
    path = tmp_path / "recipe.yaml"
    path.write_text(_RECIPE)
    return path


@pytest.fixture
def searches(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """A list that gets an item for each reduction over the model."""
    found: list[object] = []
    search = deciding._streamed

    def counted(task: JointTask, evaluator: Evaluator) -> object:
        found.append(task)
        return search(task, evaluator)

    monkeypatch.setattr(deciding, "_streamed", counted)
    return found


def test_no_search_without_a_change(recipe: Path, searches: list[object]) -> None:
    mergec.load(recipe).build()
    assert len(searches) == 1
    mergec.load(recipe).build()
    assert len(searches) == 1


def test_one_search_for_one_tensor(recipe: Path, searches: list[object]) -> None:
    whole = load_file(mergec.load(recipe).build().path / "model.safetensors")
    changed = load_file(recipe.with_name("b.safetensors"))
    changed["w"] = changed["w"] + 1
    save_file(changed, recipe.with_name("b.safetensors"))
    found = load_file(mergec.load(recipe).build().path / "model.safetensors")
    assert len(searches) == 2
    assert not np.array_equal(found["w"], whole["w"])


def test_a_sample_is_what_was_built(recipe: Path, searches: list[object]) -> None:
    out = mergec.load(recipe).build().path
    mergec.verify(out, sample=2, recipe=recipe)
    assert len(searches) == 2
