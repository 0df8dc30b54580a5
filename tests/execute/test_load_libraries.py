"""Torch is loaded ahead for tensors that are computed, and only for these."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import numpy as np
import pytest

if TYPE_CHECKING:
    from tests.conftest import Workbench

SCRIPT = """
import sys
import mergec
from mergec.execute.load_libraries import load_libraries
plan = mergec.load(sys.argv[1]).plan()
names = [tensor.name for tensor in plan.layout.tensors]
load_libraries(plan, [names.index(name) for name in sys.argv[2:]])
print("torch" in sys.modules)
"""


@pytest.mark.parametrize(("made", "is_loaded"), [([], False), (["copied"], False), (["copied", "w"], True)])
def test_loads_torch_for_what_is_computed(bench: Workbench, made: list[str], *, is_loaded: bool) -> None:
    for seed, name in enumerate("ab"):
        bench.source(name, {"w": np.full(4, seed, np.float32), "copied": np.zeros(3, np.float32)})
    bench.recipe({"op": "linear", "inputs": {"a": {"weight": {"w": 0.5, "**": 1}}, "b": "rest"}})
    argv = [sys.executable, "-c", SCRIPT, str(bench.folder / "recipe.yaml"), *made]
    done = subprocess.run(argv, capture_output=True, text=True, check=True)
    assert done.stdout == f"{is_loaded}\n"
