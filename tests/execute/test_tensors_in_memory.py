from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from mergec import pipeline
from mergec.diagnostics import Report
from mergec.ir.dtype import DType
from tests.conftest import write_checkpoint

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from mergec.execute.tensors_in_memory import TensorsInMemory

    Array = NDArray[Any]

MATRIX = np.arange(12, dtype=np.float32).reshape(4, 3)
RECIPE = """\
mergec: 1
sources: {a: a.safetensors, b: b.safetensors}
models:
  half: 0.5 * a + 0.5 * b
  aligned: {op: align, model: half, to: a, symmetry: mlp, permutations: p.safetensors}
output: {model: aligned, path: out}
"""


@pytest.fixture
def tensors(tmp_path: Path) -> Iterator[TensorsInMemory]:
    layers: dict[str, Array] = {
        "0.weight": MATRIX,
        "0.bias": np.ones(4, np.float16),
        "2.weight": MATRIX.T.copy(),
    }
    steps: dict[str, Array] = {"0.steps": np.array([3, 4], np.int64)}
    write_checkpoint(tmp_path / "a.safetensors", {**layers, **steps})
    larger = {name: 3 * value for name, value in layers.items()}
    write_checkpoint(tmp_path / "b.safetensors", {**larger, **steps})
    write_checkpoint(tmp_path / "p.safetensors", {"0/units": np.array([2, 0, 1, 3], np.int32)})
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(RECIPE.replace("symmetry: mlp", "symmetry: {extends: mlp, fixed: [0.steps]}"))
    compiled = pipeline.compile_recipe(recipe, {}, Report())
    (aligned,) = compiled.checked.aligned
    with pipeline.tensors_of(compiled, aligned.model, pipeline.Options(workers=2)) as found:
        yield found


def test_values_are_those_of_the_model_before_it_is_permuted(tensors: TensorsInMemory) -> None:
    assert sorted(tensors) == ["0.bias", "0.steps", "0.weight", "2.weight"]
    assert len(tensors) == 4
    assert np.array_equal(tensors["0.weight"], 2 * MATRIX)
    assert np.array_equal(tensors["2.weight"], 2 * MATRIX.T)
    assert np.array_equal(tensors["0.steps"], [3, 4])
    assert np.array_equal(tensors["0.weight"], 2 * MATRIX), "as often as it is asked for"


def test_dtypes_are_those_that_would_be_written(tensors: TensorsInMemory) -> None:
    assert tensors["0.bias"].dtype == np.float16
    assert tensors["0.bias"].tolist() == [2.0] * 4
    assert tensors.dtype("0.bias") is DType.F16


def test_a_name_that_is_not_there(tensors: TensorsInMemory) -> None:
    with pytest.raises(KeyError):
        tensors["1.weight"]
