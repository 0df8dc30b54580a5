"""Tiny checkpoints shaped like language models, and a bench that imports a configuration and builds it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import mergec
from mergec.diagnostics import Report
from mergec.importing.imported import Target, mergekit_recipe
from tests.conftest import read_checkpoint, read_file, write_checkpoint

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from mergec.diagnostics import Diagnostic

Values = dict[str, "NDArray[Any]"]
HIDDEN, WIDE, WORDS = 4, 6, 10


def llama(seed: int, layers: int = 4, *, has_head: bool = True) -> Values:
    """A model with the tensors of a Llama, all of them random."""
    random = np.random.default_rng(seed)
    shapes: dict[str, tuple[int, ...]] = {"model.embed_tokens.weight": (WORDS, HIDDEN)}
    for layer in range(layers):
        inner = {
            **{f"self_attn.{name}_proj.weight": (HIDDEN, HIDDEN) for name in "qkvo"},
            "mlp.gate_proj.weight": (WIDE, HIDDEN),
            "mlp.up_proj.weight": (WIDE, HIDDEN),
            "mlp.down_proj.weight": (HIDDEN, WIDE),
            "input_layernorm.weight": (HIDDEN,),
            "post_attention_layernorm.weight": (HIDDEN,),
        }
        shapes.update({f"model.layers.{layer}.{name}": shape for name, shape in inner.items()})
    shapes["model.norm.weight"] = (HIDDEN,)
    if has_head:
        shapes["lm_head.weight"] = (WORDS, HIDDEN)
    return {name: random.standard_normal(shape).astype(np.float32) for name, shape in shapes.items()}


class ImportBench:
    """A folder with checkpoints and the configuration of a merge."""

    def __init__(self, folder: Path) -> None:
        """Work in this folder."""
        self.folder = folder
        self.report = Report()
        self.is_at_hand = True

    def model(self, name: str, tensors: Mapping[str, Any], config: str = "{}") -> None:
        """Write a checkpoint."""
        write_checkpoint(self.folder / name / "model.safetensors", tensors)
        (self.folder / name / "config.json").write_text(config)

    def imported(self, text: str, **layers: str) -> str:
        """The text of the recipe for a configuration."""
        file = self.folder / "merge.yml"
        file.write_text(text)
        lists: dict[str | None, str] = {name if name != "all" else None: one for name, one in layers.items()}
        target = Target(self.folder, self._names_of, lists)
        return mergekit_recipe(file, target, self.report)

    def loaded(self, text: str, **layers: str) -> mergec.LoadedRecipe:
        """The recipe for a configuration."""
        file = self.folder / "recipe.yaml"
        file.write_text(self.imported(text, **layers))
        return mergec.load(file)

    def built(self, text: str, **layers: str) -> Values:
        """What the recipe for a configuration makes."""
        made = self.loaded(text, **layers).build(workers=1, out=self.folder / "out", force=True)
        return {name: tensor.values for name, tensor in read_checkpoint(made.path).items()}

    @property
    def told(self) -> list[str]:
        """The messages of what was told."""
        return [one.message for one in self.diagnostics]

    @property
    def diagnostics(self) -> tuple[Diagnostic, ...]:
        """What was told."""
        return self.report.diagnostics

    def _names_of(self, path: Path) -> Collection[str] | None:
        file = path / "model.safetensors"
        return list(read_file(file)) if self.is_at_hand and file.exists() else None


@pytest.fixture
def bench(tmp_path: Path) -> ImportBench:
    return ImportBench(tmp_path)
