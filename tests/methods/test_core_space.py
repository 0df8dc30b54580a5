"""Adapters merged in the space of their factors, against numpy's decompositions of the stacked factors."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from tests.conftest import write_checkpoint
from tests.methods.oracles import spectral

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.conftest import Workbench

    Array = np.ndarray[Any, Any]

SHAPES = {"q_proj.weight": (20, 12), "down_proj.weight": (9, 30), "embed_tokens.weight": (25, 8)}
RANKS, ALPHAS = (2, 4, 3), (4, 4, 9)
WEIGHTS = [1.0, 0.5, 2.0]


def drawn(*shape: int, seed: int) -> Array:
    made: Array = np.random.default_rng([seed, *shape]).standard_normal(shape).astype(np.float32)
    return made


def adapters(bench: Workbench) -> tuple[dict[str, Array], list[dict[str, tuple[Array, Array]]]]:
    """A base, and for each adapter the factors (B, A) of the change of each weight, scale included."""
    base = {name: drawn(*shape, seed=9) for name, shape in SHAPES.items()}
    bench.source("base", base)
    found: list[dict[str, tuple[Array, Array]]] = []
    for at, (rank, alpha) in enumerate(zip(RANKS, ALPHAS, strict=True)):
        tensors: dict[str, Array] = {}
        factors: dict[str, tuple[Array, Array]] = {}
        for name, shape in SHAPES.items():
            is_embedding = name.startswith("embed")
            rows, columns = shape[::-1] if is_embedding else shape
            a, b = drawn(rank, columns, seed=at), drawn(rows, rank, seed=at)
            parts = (
                ("lora_embedding_A", "lora_embedding_B")
                if is_embedding
                else ("lora_A.weight", "lora_B.weight")
            )
            for part, value in zip(parts, (a, b), strict=True):
                tensors[f"base_model.model.{name.removesuffix('.weight')}.{part}"] = value
            factors[name] = (b.astype(np.float64) * alpha / rank, a.astype(np.float64))
        folder = bench.folder / f"m{at}"
        write_checkpoint(folder / "adapter_model.safetensors", tensors)
        config = {"peft_type": "LORA", "r": rank, "lora_alpha": alpha}
        (folder / "adapter_config.json").write_text(json.dumps(config))
        bench.sources[f"m{at}"] = {"path": f"m{at}"}
        found.append(factors)
    return base, found


def expected(factors: Sequence[tuple[Array, Array]], merge: Any) -> Array:
    u, _, _ = np.linalg.svd(np.hstack([b for b, _ in factors]), full_matrices=False)
    _, _, v = np.linalg.svd(np.vstack([a for _, a in factors]), full_matrices=False)
    made: Array = u @ merge([u.T @ b @ a @ v.T for b, a in factors]) @ v
    return made


def ties(cores: Sequence[Array], density: float) -> Array:
    kept = []
    for core in cores:
        count = max(int(density * core.size), 1)
        kept.append(np.where(np.abs(core) >= np.sort(np.abs(core), axis=None)[-count], core, 0.0))
    sign = np.sign(sum(kept))
    agrees = [np.sign(core) * sign > 0 for core in kept]
    mass = sum(w * a for w, a in zip(WEIGHTS, agrees, strict=True))
    total = sum(w * core * a for w, core, a in zip(WEIGHTS, kept, agrees, strict=True))
    made: Array = np.divide(total, mass, out=np.zeros_like(cores[0]), where=mass > 0)
    return made


def weighted(oracle: Any) -> Any:
    return lambda cores: oracle(np.zeros_like(cores[0]), cores, WEIGHTS)


MERGES: dict[str, tuple[dict[str, object], Any]] = {
    "ties": ({"merge": "ties", "density": 0.4}, lambda cores: ties(cores, 0.4)),
    "linear": ({"merge": "linear"}, lambda cores: sum(w * c for w, c in zip(WEIGHTS, cores, strict=True))),
    "tsv_m": ({"merge": "tsv_m"}, weighted(spectral.tsv_m)),
    "iso_c": ({"merge": "iso_c"}, weighted(spectral.iso_c)),
}


def operation(**keys: object) -> dict[str, object]:
    return {
        "op": "core_space",
        "base": "base",
        "adapters": {f"m{i}": w for i, w in enumerate(WEIGHTS)},
        **keys,
    }


@pytest.mark.parametrize("merge", MERGES)
def test_equals_its_oracle(bench: Workbench, merge: str) -> None:
    keys, oracle = MERGES[merge]
    base, found = adapters(bench)
    made = bench.build(operation(**keys, **{"lambda": 0.5}))
    for name, value in base.items():
        factors = [one[name] for one in found]
        change = expected(factors, oracle)
        change = change.T if name.startswith("embed") else change
        np.testing.assert_allclose(
            made[name].values, value + 0.5 * change, rtol=1e-6, atol=3e-6, err_msg=name
        )


def test_a_weighted_sum_is_what_folding_gives(bench: Workbench) -> None:
    adapters(bench)
    merged = bench.build(operation(merge="linear"))
    folded = bench.build(
        {"op": "lora", "base": "base", "adapters": {f"m{i}": w for i, w in enumerate(WEIGHTS)}}
    )
    for name, tensor in folded.items():
        np.testing.assert_allclose(merged[name].values, tensor.values, rtol=1e-5, atol=1e-4, err_msg=name)


def test_a_list_of_adapters_weighs_them_alike(bench: Workbench) -> None:
    adapters(bench)
    names = [f"m{i}" for i in range(len(RANKS))]
    listed = bench.build({"op": "core_space", "base": "base", "adapters": names})
    weighed = bench.build({"op": "core_space", "base": "base", "adapters": dict.fromkeys(names, 1.0)})
    for name, tensor in listed.items():
        assert tensor == weighed[name]


def test_adapters_of_weight_nothing_and_equal_ones(bench: Workbench) -> None:
    base, _ = adapters(bench)
    without = bench.build({"op": "core_space", "base": "base", "adapters": {"m0": 0.0, "m1": {"**": 0}}})
    for name, value in base.items():
        np.testing.assert_array_equal(without[name].values, value)
    bench.sources["again"] = bench.sources["m0"]
    both = bench.build({"op": "core_space", "base": "base", "adapters": ["m0", "again"]})
    alone = bench.build({"op": "lora", "base": "base", "adapters": ["m0"]})
    for name, tensor in alone.items():
        np.testing.assert_allclose(both[name].values, tensor.values, rtol=1e-5, atol=1e-5, err_msg=name)
