"""What every merge method must keep, whoever writes it: told by its own declaration and worked example."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

import mergec
from mergec.methods.parameter import Role
from mergec.methods.registry import method_names, methods
from mergec.methods.worked_example import Holds, tensors_of, traits
from tests.conftest import read_checkpoint, tree
from tests.end_to_end.test_memory import hollow

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mergec.api import LoadedRecipe
    from mergec.methods.example import Example
    from tests.conftest import Array, Workbench

ROOT = Path(__file__).resolve().parents[2]
NAMES = method_names()
METHODS = methods()
_MOVES = {"tensor_sum"}  # computes nothing: its pieces are those of the models
# What a reader asks where values are compared: which of equal ones are taken?
_RANKS = {"kth_magnitudes", "row_rank"}


def example_of(name: str) -> Example:
    found = METHODS[name].method.example
    assert found is not None, f"{name} has no worked example"
    return found


def recipe_of(name: str, bench: Workbench, make: Callable[[str, str, Array], Array]) -> LoadedRecipe:
    """The recipe of a method's example; `make` gives each tensor, by model and name, from the one written."""
    example = example_of(name)
    for model, values in example.tensors.items():
        written = {key: np.array(one, np.float32) for key, one in tensors_of(values).items()}
        tensors = {key: make(model, key, one) for key, one in written.items()}
        bench.source(model, tensors, kind="delta" if model in example.deltas else "weights")
    return use_of(name, bench)


def use_of(name: str, bench: Workbench, **output: object) -> LoadedRecipe:
    """A recipe with the method of an example, of sources that are there."""
    use = {"op": name, **example_of(name).keys}
    recipe = bench.recipe(use, **output)
    try:
        recipe.check()
    except mergec.MergecError as error:
        if [one.code for one in error.errors] != ["MC0405"]:  # it gives a difference
            raise
        return bench.recipe(use, kind="delta", **output)
    return recipe


def larger(elements: int) -> Callable[[str, str, Array], Array]:
    """Tensors like those that are written, with more rows and columns; a vector becomes a matrix."""

    def make(model: str, name: str, written: Array) -> Array:
        shape = larger_shape(written, elements)
        return np.random.default_rng([*model.encode(), *name.encode()]).standard_normal(shape, np.float32)

    return make


def larger_shape(written: Array, elements: int) -> tuple[int, ...]:
    shape = (*written.shape, *([1] if written.ndim == 1 else []))
    factor = max(1, round((elements / np.prod(shape)) ** 0.5))
    return (*(size * factor for size in shape[:2]), *shape[2:])


@pytest.mark.parametrize("name", NAMES)
class TestDeclaration:
    def test_is_documented(self, name: str) -> None:
        method = METHODS[name].method
        assert method.formula
        assert method.reference, "a paper, a program, or `none: ` and why"
        assert re.match(r"(?!arXiv)|arXiv:[0-9]{4}\.[0-9]{5}", method.reference)
        assert method.summary.endswith((".", "..."))
        assert "NaN" in method.documentation, "it says what becomes of NaN"
        given = [p for p in method.parameters if p.role not in {Role.RANDOM, Role.SURVEYED}]
        assert [p.key for p in given if not p.description] == []

    def test_says_which_of_equal_values_are_taken(self, name: str) -> None:
        found = traits(METHODS[name])
        assert found is not None
        if _RANKS & {*found.reductions, *found.surveys}:
            assert re.search("equal|as large as|at least|tie", METHODS[name].method.documentation)

    def test_its_example_is_what_comes_out(self, name: str, bench: Workbench) -> None:
        recipe = recipe_of(name, bench, lambda _model, _name, written: written)
        made = read_checkpoint(recipe.build(workers=1).path)
        expected = tensors_of(example_of(name).result)
        assert made.keys() == expected.keys()
        for key, values in expected.items():
            # An example is told to six digits.
            np.testing.assert_allclose(made[key].values, np.array(values, np.float32), rtol=2e-6, atol=1e-6)


@pytest.mark.parametrize("name", NAMES)
def test_bytes_do_not_depend_on_workers_or_memory(name: str, bench: Workbench) -> None:
    found = traits(METHODS[name])
    assert found is not None
    elements = 40_000 if found.holds is Holds.WHOLE else 600_000
    recipe = recipe_of(name, bench, larger(elements))
    tight = least_memory(recipe)
    first = tree(recipe.build(out=bench.folder / "first", workers=1, memory="1GiB").path)
    for workers in (2, 4):
        made = recipe.build(out=bench.folder / str(workers), workers=workers, memory=tight)
        assert tree(made.path) == first, workers
    if found.holds is not Holds.WHOLE and name not in _MOVES:
        assert tiles(recipe, 1, 1 << 30) != tiles(recipe, 4, tight)


def tiles(recipe: LoadedRecipe, workers: int, memory: int) -> list[tuple[int, ...]]:
    return [region.tile for region in recipe.plan(memory=memory, workers=workers).regions]


def least_memory(recipe: LoadedRecipe) -> int:
    """A budget that just does."""
    with pytest.raises(mergec.MergecError) as caught:
        recipe.plan(memory=1, workers=4)
    needed = re.search(r"needs ([0-9.]+) MiB", str(caught.value))
    assert needed
    return int((float(needed[1]) + 0.2) * (1 << 20))  # it is told to a tenth


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("size", [0, 1])
def test_tensors_of_no_and_of_one_element_have_a_result(name: str, size: int, bench: Workbench) -> None:
    """Every axis of that size: what comes out has as many, and one element of finite ones is a number."""

    def make(model: str, key: str, written: Array) -> Array:
        value = np.random.default_rng([*model.encode(), *key.encode()]).uniform(0.5, 1.5)
        return np.full(tuple(min(axis, size) for axis in written.shape), value, np.float32)

    made = read_checkpoint(recipe_of(name, bench, make).build(workers=1).path)
    expected = tensors_of(example_of(name).result)
    assert made.keys() == expected.keys()
    for key, tensor in made.items():
        assert tensor.values.size == (size if np.ndim(expected[key]) else 1), key
        assert np.isfinite(tensor.values).all(), key


MEMORY = 64 << 20
GROUPS = [NAMES[start::6] for start in range(6)]


@pytest.mark.parametrize("group", GROUPS, ids=",".join)
def test_memory_is_what_the_plan_promises(group: list[str], tmp_path: Path) -> None:
    """Each build in a process of its own, forked from one that has its libraries loaded."""
    from tests.conftest import Workbench

    recipes = {}
    for name in group:
        folder = tmp_path / name
        (folder / "small").mkdir(parents=True)
        recipe_of(name, Workbench(folder / "small"), larger(20_000))
        recipes[name] = str(recipe_of(name, Workbench(folder), larger(20_000)).path)
        found = traits(METHODS[name])
        assert found is not None
        elements = 250_000 if found.holds is Holds.WHOLE else 8_000_000
        for model, values in example_of(name).tensors.items():  # zeros that take no room on the disk
            written = {key: np.array(one) for key, one in tensors_of(values).items()}
            shapes = {key: larger_shape(one, elements) for key, one in written.items()}
            hollow(folder / f"{model}.safetensors", "F32", shapes)
    command = [
        sys.executable,
        str(Path(__file__).with_name("measure_methods.py")),
        str(MEMORY),
        *recipes.values(),
    ]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, check=False, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    measured: Mapping[str, Mapping[str, int]] = json.loads(done.stdout)
    over = {name: one for name, path in recipes.items() if (one := measured[path])["used"] > one["promised"]}
    assert over == {}
    assert all(one["promised"] <= one["memory"] for one in measured.values())
