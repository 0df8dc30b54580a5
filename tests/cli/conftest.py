from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from click.testing import CliRunner, Result

from mergec.cli import main

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parents[2]
RECIPE = """\
mergec: 1
sources:
  base: base.safetensors
  tuned: {path: tuned.safetensors, rename: ["module.{rest:**} -> {rest}"]}
models:
  merged:
    op: linear
    inputs: {base: rest, tuned: {weight: {"layers.**": [0.2, 0.8], "**": 0.5}}}
output: {model: merged, path: out.safetensors, dtype: {"head.**": bfloat16}}
"""


@pytest.fixture
def mergec_command() -> Callable[..., Result]:
    """Runs a command inside this process."""

    def run(*arguments: object) -> Result:
        return CliRunner().invoke(main, [str(argument) for argument in arguments])

    return run


@pytest.fixture
def mergec_process() -> Callable[..., subprocess.Popen[str]]:
    """Starts a command as a process of its own."""

    def start(*arguments: object, code: str = "", **environment: str) -> subprocess.Popen[str]:
        program = ["-c", code] if code else ["-m", "mergec"]
        return subprocess.Popen(
            [sys.executable, *program, *map(str, arguments)],
            env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    return start


def checkpoint(prefix: str, value: float) -> dict[str, np.ndarray]:
    """Three layers and a head."""
    tensors = {f"{prefix}layers.{i}.w": np.full((4, 4), value + i, np.float32) for i in range(3)}
    steps = np.array([7], np.int64)
    return {**tensors, f"{prefix}head.w": np.full((8,), value, np.float32), f"{prefix}steps": steps}


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    """A sound recipe beside its sources."""
    from safetensors.numpy import save_file

    save_file(checkpoint("", 1.0), tmp_path / "base.safetensors", {"format": "pt"})
    save_file(checkpoint("module.", 2.0), tmp_path / "tuned.safetensors")
    path = tmp_path / "recipe.yaml"
    path.write_text(RECIPE)
    return path
