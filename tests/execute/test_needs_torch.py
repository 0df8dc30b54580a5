"""Builds without torch: which they are, and that they leave the bytes that torch leaves."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from mergec.execute import computers
from mergec.execute.needs_torch import needs_torch
from mergec.ir.dtype import DType
from tests.conftest import stored, tree

if TYPE_CHECKING:
    from tests.conftest import Workbench

MOST_ROUNDED = "mergec.execute.needs_torch._MOST_ROUNDED"
DELTA = {"op": "delta", "of": "b", "base": "a"}
PLAIN: dict[str, Any] = {
    "linear": {"op": "linear", "inputs": {"a": 0.3, "b": 0.7}},
    "task_arithmetic": {"op": "task_arithmetic", "base": "a", "inputs": {"b": 0.4, "c": -1.5}},
    "expression": "a + 0.5 * (b - c)",
    "quotient": "a + 0.5 * (b - c) / 3",
    "delta": {"d": DELTA, "merged": {"op": "apply", "base": "c", "deltas": {"d": 0.5}}},
    "in bfloat16": {
        "d": DELTA | {"arithmetic": "bfloat16"},
        "merged": {"op": "apply", "base": "a", "deltas": {"d": 0.5}, "arithmetic": "bfloat16"},
    },
    "copy": "a",
    "slerp": {"op": "slerp", "inputs": ["a", "b"], "t": 0.3},
    "nuslerp": {"op": "nuslerp", "inputs": {"a": 1, "b": 3}},
    "karcher": {"op": "karcher", "inputs": {"a": 0.5, "b": 0.3, "c": 0.2}},
    "model_stock": {"op": "model_stock", "base": "a", "inputs": ["b", "c"]},
    "perpendicular": {"op": "perpendicular", "a": "a", "b": "b", "c": "c", "alpha": 0.7},
}
OTHERS: dict[str, Any] = {
    "model_stock": {"op": "model_stock", "base": "a", "inputs": ["b", "c"], "filter_wise": True},
    "ties": {"op": "ties", "base": "a", "inputs": {"b": {"weight": 1, "density": 0.5}}},
}


def declare(bench: Workbench, *codes: str) -> None:
    """Three sources of values of all sizes, among them some that are not finite and sums that overflow."""
    random = np.random.default_rng(0)
    for name, code in zip("abc", codes, strict=True):
        values = random.standard_normal((301, 257)) * 10.0 ** random.integers(-30, 30, (301, 257))
        few = np.array([0.0, -0.0, np.nan, np.inf, -np.inf, 3e38, -3e38])
        bench.source(
            name,
            {
                "w": stored(code, values.astype(np.float32)),
                "even": stored(code, np.tile(values[:300, :256], (2, 1)).astype(np.float32)),
                "few": stored(code, random.choice(few, 1000).astype(np.float32)),
                "one": stored(code, np.ones((), np.float32)),
                "none": stored(code, np.ones((0, 3), np.float32)),
                "steps": np.arange(5, dtype=np.int64),
            },
        )


CODES = [("BF16",) * 3, ("F32",) * 3, ("F64",) * 3, ("BF16", "F32", "BF16"), ("F64", "F32", "F64")]


@pytest.mark.parametrize(
    ("model", "codes"),
    # From float64 to bfloat16 takes torch.
    [(model, codes) for model in PLAIN for codes in CODES if model != "in bfloat16" or "F64" not in codes],
)
def test_the_bytes_are_those_of_torch(
    bench: Workbench, monkeypatch: pytest.MonkeyPatch, model: str, codes: tuple[str, ...]
) -> None:
    declare(bench, *codes)
    recipe = bench.recipe(PLAIN[model])
    assert not needs_torch(recipe.plan().regions)
    recipe.build(workers=2, force=True)
    found = tree(bench.out)
    monkeypatch.setattr(computers, "needs_torch", lambda _: True)
    recipe.build(workers=2, force=True, fresh=True)
    assert tree(bench.out) == found


@pytest.mark.parametrize(
    ("model", "codes", "output"),
    [
        *((OTHERS[name], ("F32",) * 3, {}) for name in ("model_stock", "ties")),
        (PLAIN["linear"], ("F16",) * 3, {}),
        (PLAIN["linear"], ("F32",) * 3, {"dtype": "float16"}),
        (PLAIN["linear"], ("F64",) * 3, {"dtype": "bfloat16"}),
        (PLAIN["linear"], ("BF16", "F64", "BF16"), {}),
    ],
)
def test_what_needs_torch(
    bench: Workbench, model: object, codes: tuple[str, ...], output: dict[str, str]
) -> None:
    declare(bench, *codes)
    assert needs_torch(bench.recipe(model, **output).plan().regions)


def test_transposed_tensors_need_torch(bench: Workbench) -> None:
    declare(bench, *("F32",) * 3)
    rule = {"from": "w", "to": "w", "transpose": [1, 0]}
    bench.sources["a"] = {"path": "a.safetensors", "rename": [rule]}
    bench.sources["b"] = {"path": "b.safetensors", "rename": [rule]}
    assert needs_torch(bench.recipe(PLAIN["linear"]).plan().regions)


def test_torch_pays_for_many_values_of_bfloat16(bench: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    declare(bench, *("BF16",) * 3)
    regions = bench.recipe(PLAIN["linear"]).plan().regions
    rounded = sum(
        one.target.elements for one in regions if not one.is_copy and one.target.dtype is DType.BF16
    )
    monkeypatch.setattr(MOST_ROUNDED, rounded)
    assert not needs_torch(regions)
    monkeypatch.setattr(MOST_ROUNDED, rounded - 1)
    assert needs_torch(regions)
    declare(bench, *("F32",) * 3)
    assert not needs_torch(bench.recipe(PLAIN["linear"]).plan().regions)


SCRIPT = """
import sys
import mergec
mergec.load(sys.argv[1]).build()
print("torch" in sys.modules)
"""


def test_a_build_without_torch_loads_none(bench: Workbench) -> None:
    declare(bench, "BF16", "F32", "F32")
    bench.recipe(PLAIN["linear"])
    argv = [sys.executable, "-c", SCRIPT, str(bench.folder / "recipe.yaml")]
    done = subprocess.run(argv, capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
