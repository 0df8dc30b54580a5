"""The memory that a plan promises against what its build takes, each in a process of its own."""

from __future__ import annotations

import json
import os
import struct
import subprocess
import sys
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from tests.conftest import write_checkpoint

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.conftest import Workbench

ROOT = Path(__file__).resolve().parents[2]
MIB = 1 << 20
WIDTH = {"BF16": 2, "F32": 4, "F64": 8}
HALVES = {"op": "linear", "inputs": {"a": 0.3, "b": 0.7}}
LOW, MIDDLE, HIGH = "64MiB", "100MiB", "1GiB"


def declare(
    bench: Workbench, name: str, code: str, shape: tuple[int, ...], count: int, **keys: object
) -> None:
    """A checkpoint of zeros that takes no room on the disk."""
    path = bench.folder / f"{name}.safetensors"
    hollow(path, code, {f"h.{i}.w": shape for i in range(count)})
    bench.sources[name] = {"path": path.name, **keys}


def hollow(path: Path, code: str, shapes: Mapping[str, tuple[int, ...]]) -> None:
    """A file of zeros that takes no room on the disk."""
    entries, end = {}, 0
    for name, shape in shapes.items():
        start, end = end, end + prod(shape) * WIDTH[code]
        entries[name] = {"dtype": code, "shape": shape, "data_offsets": [start, end]}
    header = json.dumps(entries).encode()
    path.write_bytes(struct.pack("<Q", len(header)) + header)
    os.truncate(path, 8 + len(header) + end)


def measured(bench: Workbench, model: object, memory: str, workers: int, **output: object) -> dict[str, int]:
    recipe = bench.recipe(model, **output)
    command = [sys.executable, str(Path(__file__).with_name("measure_build.py"))]
    command += [str(recipe.path), str(bench.out), memory, str(workers)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, check=False, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    found: dict[str, int] = json.loads(done.stdout)
    return found


def assert_kept(found: dict[str, int], memory: str) -> None:
    budget = {LOW: 64 * MIB, MIDDLE: 100 * MIB, HIGH: 1024 * MIB}[memory]
    assert found["used"] <= found["promised"] <= budget, found


@pytest.mark.parametrize(("memory", "workers"), [(LOW, 1), (LOW, 4), (HIGH, 4)])
@pytest.mark.parametrize("megabytes", [10, 100])
def test_a_sum(bench: Workbench, megabytes: int, memory: str, workers: int) -> None:
    for name in "ab":
        declare(bench, name, "BF16", (512, 1024), megabytes // 2)  # tensors of 1 MiB, two sources
    assert_kept(measured(bench, HALVES, memory, workers), memory)


def test_a_model_of_a_gigabyte_takes_no_more_than_a_small_one(bench: Workbench) -> None:
    for name in "ab":
        declare(bench, name, "BF16", (16384, 16384), 1)
    found = measured(bench, HALVES, LOW, 2)
    assert found["read"] == 1 << 30
    assert_kept(found, LOW)
    assert found["used"] < 40 * MIB


def test_copies(bench: Workbench) -> None:
    declare(bench, "a", "BF16", (512, 1024), 50)
    assert_kept(measured(bench, "a", LOW, 4), LOW)


def test_large_tensors_that_are_turned(bench: Workbench) -> None:
    rule = {"from": "h.{i}.w", "to": "g.{i}.w", "transpose": [1, 0]}
    for name in "ab":
        declare(bench, name, "BF16", (3072, 4096), 1, rename=[rule])
    assert_kept(measured(bench, HALVES, LOW, 4), LOW)


def test_float64_rounded_to_sixteen_bits(bench: Workbench) -> None:
    for name in "ab":
        declare(bench, name, "F64", (2048, 1024), 2)
    assert_kept(measured(bench, HALVES, LOW, 4, dtype="bfloat16"), LOW)


def test_random_values(bench: Workbench) -> None:
    declare(bench, "a", "BF16", (4,), 1)
    tensors: dict[str, Any] = {"w": {"shape": [3000, 1000], "fill": {"normal": 0.02}}}
    assert_kept(measured(bench, {"op": "init", "tensors": tensors}, LOW, 4), LOW)


ROWS, COLUMNS, RANK = 11008, 4096, 16
ADAPTERS: dict[str, tuple[dict[str, object], dict[str, tuple[int, ...]]]] = {
    "LoRA": ({}, {"lora_A.weight": (RANK, COLUMNS), "lora_B.weight": (ROWS, RANK)}),
    "LoRA on a layer stored as (in, out)": (
        {"fan_in_fan_out": True},
        {"lora_A.weight": (RANK, ROWS), "lora_B.weight": (COLUMNS, RANK)},
    ),
    "LoRA on embeddings": ({}, {"lora_embedding_A": (RANK, ROWS), "lora_embedding_B": (COLUMNS, RANK)}),
    "DoRA": (
        {"use_dora": True},
        {
            "lora_A.weight": (RANK, COLUMNS),
            "lora_B.weight": (ROWS, RANK),
            "lora_magnitude_vector": (ROWS,),
        },
    ),
    "OFT": ({"peft_type": "OFT", "peft_version": "0.21.0"}, {"oft_R.weight": (COLUMNS // 32, 32 * 31 // 2)}),
}


@pytest.mark.parametrize("kind", ADAPTERS)
def test_adapters_folded(bench: Workbench, kind: str) -> None:
    config, factors = ADAPTERS[kind]
    hollow(bench.folder / "base.safetensors", "BF16", {f"h.{i}.weight": (ROWS, COLUMNS) for i in range(4)})
    (bench.folder / "lora").mkdir()
    names = {f"base_model.model.h.{i}.{name}": shape for i in range(4) for name, shape in factors.items()}
    hollow(bench.folder / "lora" / "adapter_model.safetensors", "F32", names)
    whole = {"peft_type": "LORA", "r": RANK, "lora_alpha": 32, "oft_block_size": 32, **config}
    (bench.folder / "lora" / "adapter_config.json").write_text(json.dumps(whole))
    bench.sources.update(base={"path": "base.safetensors"}, lora={"path": "lora"})
    model = {"op": "lora", "base": "base", "adapters": {"lora": 0.5}}
    assert_kept(measured(bench, model, LOW, 4), LOW)


def test_regions_of_different_kinds_in_one_build(bench: Workbench) -> None:
    """What one region leaves touched in the registers and what the next holds beside them add up."""
    shapes: dict[str, tuple[int, ...]] = {
        "conv": (640, 320, 3, 3),
        "gpt": (1536, 2048),
        "emb": (24_000, 768),
        "q": (1536, 1536),
        "up": (4096, 1536),
    }
    hollow(bench.folder / "base.safetensors", "BF16", {f"{n}.weight": s for n, s in shapes.items()})
    factors: dict[str, tuple[int, ...]] = {
        "conv.lora_A.weight": (8, 320, 3, 3),
        "conv.lora_B.weight": (640, 8, 1, 1),
        "conv.lora_magnitude_vector": (1, 640, 1, 1),
        "q.lora_A.weight": (8, 1536),
        "q.lora_B.weight": (1536, 8),
        "q.lora_magnitude_vector": (1536,),
        "up.lora_A.weight": (8, 1536),
        "up.lora_B.weight": (4096, 8),
        "up.lora_magnitude_vector": (4096,),
        "gpt.lora_A.weight": (8, 1536),
        "gpt.lora_B.weight": (2048, 8),
        "gpt.lora_magnitude_vector": (2048,),
        "emb.lora_embedding_A": (8, 24_000),
        "emb.lora_embedding_B": (768, 8),
        "emb.lora_magnitude_vector": (768,),
    }
    (bench.folder / "lora").mkdir()
    names = {f"base_model.model.{name}": shape for name, shape in factors.items()}
    hollow(bench.folder / "lora" / "adapter_model.safetensors", "F32", names)
    config = {"peft_type": "LORA", "r": 8, "lora_alpha": 16, "use_dora": True}
    (bench.folder / "lora" / "adapter_config.json").write_text(json.dumps(config))
    bench.sources.update(base={"path": "base.safetensors"}, lora={"path": "lora"})
    model = {"op": "lora", "base": "base", "adapters": {"lora": 0.5}}
    for workers in (1, 4):
        assert_kept(measured(bench, model, MIDDLE, workers), MIDDLE)


def test_a_vocabulary_padded_with_the_mean_of_its_rows(bench: Workbench) -> None:
    declare(bench, "a", "BF16", (128_256, 4096), 1)
    model = {"op": "resize", "model": "a", "tensors": {"**": {"rows": 128_320, "pad": "mean"}}}
    assert_kept(measured(bench, model, LOW, 4), LOW)


MANY = 10_000


@pytest.mark.parametrize(
    "model",
    [
        HALVES,
        {"op": "linear", "inputs": {"a": 1, "b": 0}},
        {"mixed": HALVES, "part": {"op": "select", "model": "mixed", "keep": ["h.7.w"]}},
    ],
    ids=["all computed", "all copied", "all but one left out"],
)
def test_many_small_tensors(bench: Workbench, model: object) -> None:
    for name in "ab":
        declare(bench, name, "BF16", (4,), MANY)
    assert_kept(measured(bench, model, HIGH, 2), HIGH)


TRIMMED = {"op": "ties", "base": "a", "inputs": {"b": {"weight": 1, "density": 0.3}}, "scope": "model"}


@pytest.mark.parametrize("workers", [1, 3])
def test_one_threshold_for_many_tensors(bench: Workbench, workers: int) -> None:
    """What is counted of one tensor is half a megabyte, and not kept for each of them."""
    for name in "ab":
        declare(bench, name, "F32", (4, 4), 500)
    assert_kept(measured(bench, TRIMMED, HIGH, workers), HIGH)


@pytest.mark.parametrize("scope", ["tensor", "model"])
@pytest.mark.parametrize("code", ["BF16", "F64"])
def test_one_threshold_for_a_large_tensor(bench: Workbench, code: str, scope: str) -> None:
    """The memory that finding it takes is there again for the workers.

    Most is taken where all values begin alike, as zeros do.
    """
    for name in "ab":
        declare(bench, name, code, (30_000, 80), 1)
    assert_kept(measured(bench, {**TRIMMED, "scope": scope}, MIDDLE, 1), MIDDLE)


@pytest.mark.parametrize("op", ["della", "arcee_fusion"])
def test_rows_that_are_long(bench: Workbench, op: str) -> None:
    """A block of rows would be the whole tensor: of what is done to rows, one comes at a time."""
    for name in "ab":
        declare(bench, name, "BF16", (8, 500_000), 1)
    one: dict[str, object] = {"model": "b"}
    several: dict[str, object] = {"inputs": {"b": {"weight": 1, "density": 0.5}}}
    model = {"op": op, "base": "a", **(one if op == "arcee_fusion" else several)}
    assert_kept(measured(bench, model, MIDDLE, 2), MIDDLE)


def test_the_promise_is_no_idle_one(bench: Workbench) -> None:
    for name in "ab":
        declare(bench, name, "BF16", (512, 1024), 50)
    found = measured(bench, HALVES, HIGH, 2)
    assert found["used"] > found["promised"] / 2


TABLE = {
    "shared": ["res"],
    "tensors": {
        "embed.weight": "_ res",
        "layers.*": {"up.weight": "ffn res", "down.weight": "res ffn"},
        "head.weight": "_ res",
    },
}


def declare_pair(bench: Workbench, width: int, inner: int, words: int, layers: int) -> None:
    shapes: dict[str, tuple[int, ...]] = {"embed.weight": (words, width), "head.weight": (words, width)}
    for layer in range(layers):
        shapes[f"layers.{layer}.up.weight"] = (inner, width)
        shapes[f"layers.{layer}.down.weight"] = (width, inner)
    for seed, name in enumerate("ab"):
        rng = np.random.default_rng(seed)
        bench.source(name, {key: rng.standard_normal(shape, np.float32) for key, shape in shapes.items()})


@pytest.mark.parametrize(("memory", "workers"), [(HIGH, 1), (HIGH, 4)])
def test_matching(bench: Workbench, memory: str, workers: int) -> None:
    declare_pair(bench, 512, 1024, 20_000, 4)
    aligned = {"op": "align", "model": "b", "to": "a", "symmetry": TABLE}
    models = {"aligned": aligned, "out": "0.5 * a + 0.5 * aligned"}
    found = measured(bench, models, memory, workers)
    assert found["matching"] > 0
    assert_kept(found, memory)


def test_rows_picked_by_given_permutations(bench: Workbench) -> None:
    """Rows are read one by one, and short ones are held: neither takes more than it says."""
    declare_pair(bench, 1024, 4096, 20_000, 2)
    groups = {"res": 1024, "layers.0/ffn": 4096, "layers.1/ffn": 4096}
    orders = {
        name: np.random.default_rng(0).permutation(size).astype(np.int32) for name, size in groups.items()
    }
    write_checkpoint(bench.folder / "p.safetensors", orders)
    aligned = {"op": "align", "model": "b", "to": "a", "symmetry": TABLE, "permutations": "p.safetensors"}
    models = {"aligned": aligned, "out": "0.5 * a + 0.5 * aligned"}
    assert_kept(measured(bench, models, LOW, 4), LOW)
