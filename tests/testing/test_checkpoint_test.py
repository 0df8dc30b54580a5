from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from mergec import pipeline
from mergec.diagnostics import Report
from mergec.testing import EVERYTHING
from mergec.testing.checkpoint_test import check_checkpoint
from tests.conftest import write_checkpoint

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from mergec.symmetries.self_test.report import SymmetryReport

    Outputs = Callable[[dict[str, torch.Tensor]], object]
    Tested = Callable[[Outputs | None], SymmetryReport]

DTYPES = {"float16": torch.float32, "float32": torch.float32, "float64": torch.float64}


def layers(seed: int, dtype: str) -> dict[str, np.ndarray]:
    draw = np.random.default_rng(seed)
    shapes = {"0.weight": (5, 3), "0.bias": (5,), "2.weight": (2, 5), "2.bias": (2,)}
    return {name: draw.standard_normal(shape).astype(dtype) for name, shape in shapes.items()}


@pytest.fixture(params=list(DTYPES))
def dtype(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def check(tmp_path: Path, dtype: str) -> Tested:
    for seed, name in enumerate("ab"):
        write_checkpoint(tmp_path / f"{name}.safetensors", layers(seed, dtype))
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(
        "mergec: 1\n"
        "sources: {a: a.safetensors, b: b.safetensors}\n"
        "models: {c: {op: align, model: b, to: a, symmetry: mlp}}\n"
        "output: {model: c, path: out}\n"
    )
    compiled = pipeline.compile_recipe(recipe, {}, Report())
    (aligned,) = compiled.checked.aligned

    def run(forward: Outputs | None) -> SymmetryReport:
        with pipeline.tensors_of(compiled, aligned.model, pipeline.Options(workers=1)) as tensors:
            return check_checkpoint(aligned.symmetry, tensors, "b", forward, 0)

    return run


def network(tensors: Mapping[str, torch.Tensor]) -> torch.Tensor:
    x = torch.linspace(-2, 2, 12, dtype=tensors["0.weight"].dtype).reshape(3, 4)
    x = (tensors["0.weight"] @ x + tensors["0.bias"][:, None]).relu()
    return tensors["2.weight"] @ x + tensors["2.bias"][:, None]


def test_the_function_of_a_checkpoint(check: Tested, dtype: str) -> None:
    given: list[dict[str, torch.Tensor]] = []

    def watched(tensors: dict[str, torch.Tensor]) -> torch.Tensor:
        given.append(tensors)
        return network(tensors)

    report = check(watched)
    assert report.problems == ()
    assert report.limit == (1e-12 if dtype == "float64" else 2e-6)
    assert [one.family for one in report.families] == ["units", EVERYTHING]
    assert {name: one.dtype for name, one in given[0].items()} == dict.fromkeys(
        layers(1, dtype), DTYPES[dtype]
    )
    assert all(np.array_equal(given[0][name].numpy(), value) for name, value in layers(1, dtype).items())


def test_without_a_function_only_laws_are_proved(check: Tested) -> None:
    report = check(None)
    assert report.problems == ()
    assert report.limit is None


def test_a_function_is_not_run_where_laws_are_broken(check: Tested, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mergec.symmetries.self_test.laws.inverse", lambda _, element: element)

    def never(_: object) -> object:
        raise AssertionError("there is nothing to learn from it")

    assert [one.code for one in check(never).problems] == ["MC0551"]
