"""The same bytes for any number of workers, any budget and any hash seed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from tests.conftest import bf16, tree, write_checkpoint

if TYPE_CHECKING:
    from mergec.api import LoadedRecipe
    from tests.conftest import Raw, Workbench

ROOT = Path(__file__).resolve().parents[2]


def tensors(seed: int) -> dict[str, np.ndarray | Raw]:
    rng = np.random.default_rng(seed)
    half = rng.standard_normal(300_001).astype(np.float16)
    half[::1001] = np.nan
    fused = rng.standard_normal((384, 500), np.float32)
    experts = {f"e.{i}.w": rng.standard_normal((70, 90), np.float32) for i in range(11)}
    layers = {f"h.{i}.weight": bf16(rng.standard_normal((257, 129), np.float32)) for i in range(12)}
    return {
        "half": half,
        "fused": fused,
        "wide": rng.standard_normal((33, 7001)),
        "ids": np.arange(200_000),
        "mask": np.ones((5, 7), np.bool_),
        **experts,
        **layers,
    }


@pytest.fixture
def recipe(bench: Workbench) -> LoadedRecipe:
    rules = [
        {"from": "fused", "to": ["q", "k", "v"], "split": {"dim": 0}},
        {"from": "wide", "to": "tall", "transpose": [1, 0]},
        {"from": "e.{i:int}.w", "to": "experts", "stack": {"over": "i"}},
    ]
    bench.source("a", tensors(1), rename=rules)
    bench.source("b", tensors(2), rename=rules)
    noise = {"e.weight": {"shape": [400, 300], "fill": {"normal": 0.02}, "dtype": "bfloat16"}}
    models = {
        "mixed": {"op": "linear", "inputs": {"a": {"weight": {"h.**": [0.9, 0.1], "**": 0.3}}, "b": "rest"}},
        "fresh": {"op": "init", "tensors": noise, "seed": 3},
        "merged": {"op": "override", "base": "mixed", "with": ["fresh"]},
        "folded": {"op": "lora", "base": "merged", "adapters": {"lora": 0.7, "turned": -0.4}},
        "grown": {"op": "resize", "model": "folded", "tensors": {"tall": {"rows": 7100, "pad": "mean"}}},
    }
    adapter(bench, "lora", {"use_dora": True}, {"h.0": (257, 129), "h.11": (257, 129), "e": (400, 300)})
    adapter(bench, "turned", {"fan_in_fan_out": True}, {"h.1": (129, 257), "h.11": (129, 257)})
    dtype = {"half": "float32", "**": "bfloat16"}
    return bench.recipe(models, dtype=dtype, max_shard_size="1MB")


def adapter(
    bench: Workbench, name: str, config: dict[str, object], modules: dict[str, tuple[int, int]]
) -> None:
    """A PEFT adapter of rank 5 for modules of these (outputs, inputs)."""
    rng = np.random.default_rng(len(modules))
    factors: dict[str, np.ndarray | Raw] = {}
    for module, (rows, columns) in modules.items():
        factors[f"base_model.model.{module}.lora_A.weight"] = rng.standard_normal((5, columns), np.float32)
        factors[f"base_model.model.{module}.lora_B.weight"] = bf16(rng.standard_normal((rows, 5), np.float32))
        if "use_dora" in config:
            lengths = rng.standard_normal(rows, np.float32)
            factors[f"base_model.model.{module}.lora_magnitude_vector"] = lengths
    write_checkpoint(bench.folder / name / "adapter_model.safetensors", factors)
    whole = {"peft_type": "LORA", "r": 5, "lora_alpha": 8, **config}
    (bench.folder / name / "adapter_config.json").write_text(json.dumps(whole))
    bench.sources[name] = {"path": name}


def built(recipe: LoadedRecipe, out: Path, workers: int, memory: str) -> dict[str, bytes]:
    recipe.build(out=out, workers=workers, memory=memory)
    return tree(out)


def test_bytes_do_not_depend_on_workers_or_memory(recipe: LoadedRecipe, tmp_path: Path) -> None:
    first = built(recipe, tmp_path / "first", 1, "4GiB")
    assert len(first) > 4  # several shards and an index
    for number, (workers, memory) in enumerate(
        [(2, "4GiB"), (4, "4GiB"), (1, "64MiB"), (4, "64MiB"), (3, "28MiB")]
    ):
        assert built(recipe, tmp_path / str(number), workers, memory) == first, (workers, memory)


def test_tiles_really_differ_between_budgets(recipe: LoadedRecipe) -> None:
    def tiles(memory: str) -> list[tuple[int, ...]]:
        return [region.tile for region in recipe.plan(memory=memory, workers=4).regions]

    assert tiles("4GiB") != tiles("28MiB")


def test_bytes_do_not_depend_on_the_hash_seed_or_the_working_directory(
    recipe: LoadedRecipe, tmp_path: Path
) -> None:
    script = "import sys, mergec; mergec.load(sys.argv[1]).build(out=sys.argv[2], workers=2)"
    found = []
    for seed in ["0", "1"]:
        out, directory = tmp_path / f"seed-{seed}", tmp_path / f"cwd-{seed}"
        directory.mkdir()
        environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT)}
        command = [sys.executable, "-c", script, str(recipe.path), str(out)]
        subprocess.run(command, check=True, env=environment, cwd=directory)
        found.append(tree(out))
    assert found[0] == found[1] == built(recipe, tmp_path / "here", 1, "1GiB")


def test_building_again_gives_the_same_bytes(recipe: LoadedRecipe, tmp_path: Path) -> None:
    first = built(recipe, tmp_path / "out", 2, "1GiB")
    assert built(recipe, tmp_path / "out", 2, "1GiB") == first
