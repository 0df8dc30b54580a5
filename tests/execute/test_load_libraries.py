"""What computes is loaded ahead for tensors that are computed, and only for these."""

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
print([name for name in ("numpy", "torch") if name in sys.modules])
"""


@pytest.mark.parametrize(
    ("made", "operation", "loaded"),
    [
        ([], "linear", []),
        (["copied"], "linear", []),
        (["copied", "w"], "linear", ["numpy"]),
        (["copied"], "slerp", []),
        (["copied", "w"], "slerp", ["numpy"]),
        (["copied", "w"], "ties", ["numpy", "torch"]),
    ],
)
def test_loads_what_computes(bench: Workbench, made: list[str], operation: str, loaded: list[str]) -> None:
    for seed, name in enumerate("ab"):
        bench.source(name, {"w": np.full(4, seed, np.float32), "copied": np.zeros(3, np.float32)})
    weights = {"w": 0.5, "**": 1}
    averaged = {"op": "linear", "inputs": {"a": {"weight": weights}, "b": "rest"}}
    turned = {"op": "slerp", "inputs": ["b", "a"], "t": {"w": 0.5, "**": 0}}
    pruned = {"op": "ties", "base": "a", "inputs": {"b": {"weight": weights, "density": 0.5}}}
    bench.recipe({"linear": averaged, "slerp": turned, "ties": pruned}[operation])
    argv = [sys.executable, "-c", SCRIPT, str(bench.folder / "recipe.yaml"), *made]
    done = subprocess.run(argv, capture_output=True, text=True, check=True)
    assert done.stdout == f"{loaded}\n"
