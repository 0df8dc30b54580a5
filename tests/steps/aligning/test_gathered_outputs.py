"""What a build makes of given permutations, against numpy's indexing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
import yaml
from safetensors.torch import load_file, save_file

import mergec
from mergec.diagnostics import Report, SourceText
from mergec.recipe.place import TreePlace
from mergec.recipe.yaml_tree import read_yaml
from mergec.symmetries.element import permuted, random_element
from mergec.symmetries.instantiate import instantiate
from mergec.symmetries.model_shape import ModelShape
from mergec.symmetries.permutation_file import write_permutations
from mergec.symmetries.table import read_table

if TYPE_CHECKING:
    from pathlib import Path

    from mergec.ir.symmetry import Symmetry

Shapes = dict[str, list[int]]

# A model with a table, by what is special about it. Axes are chosen so that no two sizes are equal.
MODELS: dict[str, tuple[dict[str, Any], Shapes]] = {
    "plain": (
        {"tensors": {"in.weight": "u _", "in.bias": "u", "out.weight": "_ u"}},
        {"in.weight": [40, 3], "in.bias": [40], "out.weight": [5, 40]},
    ),
    "convolution": (
        {"tensors": {"in.weight": "u _ _ _", "norm.weight": "u!", "out.weight": "_ u _ _"}},
        {"in.weight": [33, 3, 2, 2], "norm.weight": [33], "out.weight": [5, 33, 3, 3]},
    ),
    "heads": (
        {
            "sizes": {"kv": 2, "q": 3},
            "tensors": {
                "q.weight": "(kv q[kv] _) _",
                "k.weight": "(kv _) _",
                "v.weight": "(kv v[kv]) _",
                "o.weight": "_ (kv q[kv] v[kv])",
            },
        },
        {"q.weight": [24, 10], "k.weight": [8, 10], "v.weight": [8, 10], "o.weight": [10, 24]},
    ),
    "fused": (
        {
            "sizes": {"h": 3},
            "tensors": {
                "qkv.weight": "_ (h qk[h] | h qk[h] | h v[h])",
                "qkv.bias": "(h qk[h] | h qk[h] | h v[h])",
                "o.weight": "(h v[h]) _",
            },
        },
        {"qkv.weight": [7, 36], "qkv.bias": [36], "o.weight": [12, 7]},
    ),
    "grouped convolution": (
        {
            "sizes": {"g": 3},
            "tensors": {
                "a.weight": "(g c[g]) _ _ _",
                "b.weight": "(g o[g]) c[g] _ _",
                "d.weight": "_ (g o[g]) _ _",
            },
        },
        {"a.weight": [12, 2, 1, 1], "b.weight": [15, 4, 3, 3], "d.weight": [2, 15, 1, 1]},
    ),
    "experts under many names": (
        {
            "tensors": {
                "gate.weight": "e _",
                "experts.{e:int}.up.weight": "f[e] _",
                "experts.{e:int}.up.bias": "f[e]",
                "experts.{e:int}.down.weight": "_ f[e]",
            }
        },
        {
            "gate.weight": [4, 3],
            **{f"experts.{e}.up.weight": [9, 3] for e in range(4)},
            **{f"experts.{e}.up.bias": [9] for e in range(4)},
            **{f"experts.{e}.down.weight": [3, 9] for e in range(4)},
        },
    ),
    "experts in one tensor": (
        {"tensors": {"gate.weight": "e _", "up.weight": "e (2 f[e]) _", "down.weight": "e _ f[e]"}},
        {"gate.weight": [4, 3], "up.weight": [4, 18, 3], "down.weight": [4, 3, 9]},
    ),
    "parents on the second axis": (
        {"tensors": {"gate.weight": "_ e", "up.weight": "f[e] e", "down.weight": "(e f[e]) _"}},
        {"gate.weight": [3, 4], "up.weight": [5, 4], "down.weight": [20, 2]},
    ),
}
DTYPES = [torch.float32, torch.bfloat16, torch.float64, torch.float8_e4m3fn, torch.int8]
_WIDTHS = {1: np.uint8, 2: np.uint16, 4: np.uint32, 8: np.uint64}


def _symmetry(table: dict[str, Any], shapes: Shapes, folder: Path) -> Symmetry:
    report = Report()
    place = TreePlace(read_yaml(SourceText("table", yaml.safe_dump(table))))
    read = read_table(table, place, folder, report)
    assert read is not None, report.diagnostics
    symmetry = instantiate(read, ModelShape("b", {n: tuple(s) for n, s in shapes.items()}), report)
    assert symmetry is not None, report.diagnostics
    return symmetry


def _random(shapes: Shapes, dtype: torch.dtype, seed: int) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return {
        name: torch.randint(0, 100, shape, generator=generator, dtype=torch.int8).to(torch.float32).to(dtype)
        for name, shape in shapes.items()
    }


def _bits(tensors: dict[str, torch.Tensor]) -> dict[str, np.ndarray[Any, Any]]:
    return {
        name: value.contiguous()
        .view(torch.uint8)
        .numpy()
        .view(_WIDTHS[value.element_size()])
        .reshape(value.shape)
        for name, value in tensors.items()
    }


def _build(
    folder: Path, table: dict[str, Any], models: dict[str, Any], **limits: Any
) -> dict[str, torch.Tensor]:
    align = {"op": "align", "model": "b", "to": "a", "symmetry": table, "permutations": "p.safetensors"}
    recipe = {
        "mergec": 1,
        "sources": {"a": "a.safetensors", "b": "b.safetensors"},
        "models": {"aligned": align, **models},
        "output": {"model": list(models)[-1] if models else "aligned", "path": "out.safetensors"},
    }
    (folder / "recipe.yaml").write_text(yaml.safe_dump(recipe, sort_keys=False))
    built = mergec.load(folder / "recipe.yaml").build(force=True, **limits)
    return load_file(built.path)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("name", MODELS)
def test_every_value_comes_to_its_place_in_any_dtype(name: str, dtype: torch.dtype, tmp_path: Path) -> None:
    table, shapes = MODELS[name]
    a, b = _random(shapes, dtype, 1), _random(shapes, dtype, 2)
    save_file(a, tmp_path / "a.safetensors")
    save_file(b, tmp_path / "b.safetensors")
    symmetry = _symmetry(table, shapes, tmp_path)
    element = random_element(symmetry, 3)
    write_permutations(tmp_path / "p.safetensors", symmetry, element, {})
    built = _build(tmp_path, table, {})
    wanted = permuted(symmetry, element, _bits(b))
    found = _bits(built)
    assert any(not np.array_equal(wanted[key], _bits(b)[key]) for key in wanted)
    for key, value in wanted.items():
        np.testing.assert_array_equal(found[key], value, key)


@pytest.mark.parametrize("name", MODELS)
def test_arithmetic_comes_after_the_gather(name: str, tmp_path: Path) -> None:
    table, shapes = MODELS[name]
    a, b = _random(shapes, torch.float32, 1), _random(shapes, torch.float32, 2)
    save_file(a, tmp_path / "a.safetensors")
    save_file(b, tmp_path / "b.safetensors")
    symmetry = _symmetry(table, shapes, tmp_path)
    element = random_element(symmetry, 3)
    write_permutations(tmp_path / "p.safetensors", symmetry, element, {})
    wanted = permuted(symmetry, element, {key: value.numpy() for key, value in b.items()})
    for limits in ({"memory": "64MiB", "workers": 1}, {"memory": "1GiB", "workers": 3}):
        merged = _build(tmp_path, table, {"merged": "0.5 * a + 0.5 * aligned"}, **limits)
        for key, value in wanted.items():
            np.testing.assert_array_equal(merged[key].numpy(), (a[key].numpy() + value) / 2, key)
