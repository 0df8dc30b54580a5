from __future__ import annotations

import json
from hashlib import sha256
from typing import TYPE_CHECKING

import numpy as np
import pytest
from safetensors.numpy import load_file

from mergec.diagnostics import Report
from mergec.lock.found_permutations import decided_vectors, found_permutations
from mergec.lock.recipe_lock import RecipeState
from mergec.pipeline import Options, compile_recipe, make_build_plan, solve
from tests.cli.aligned import write_aligned

if TYPE_CHECKING:
    from pathlib import Path

    from mergec.ir.plan import MatchTask
    from mergec.pipeline import Compiled
    from mergec.symmetries.matching.solution import Solution

RECIPE = """\
mergec: 1
sources: {a: a.safetensors, b: b.safetensors, c: c.safetensors}
models:
  b_aligned: {op: align, model: b, to: a, symmetry: mlp, save_permutations: b_perms.safetensors}
  c_aligned: {op: align, model: c, to: a, symmetry: mlp, save_permutations: c_perms.safetensors, seed: 5}
  mean: 0.4 * a + 0.3 * b_aligned + 0.3 * c_aligned
output: {model: mean, path: out.safetensors}
"""
GIVEN = RECIPE.replace("save_permutations", "permutations").replace(", seed: 5", "")


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    return write_aligned(tmp_path, RECIPE)


def solved(recipe: Path) -> tuple[Compiled, tuple[MatchTask, ...], tuple[Solution, ...]]:
    compiled = compile_recipe(recipe, {}, Report())
    plan = make_build_plan(compiled, Options(workers=1))
    return compiled, plan.matches, solve(compiled, plan, Report()).solutions


def keys(recipe: Path, compiled: Compiled, **decided: object) -> dict[str, str]:
    with RecipeState(recipe, compiled.recipe, compiled.sources, compiled.checked) as state:
        state.start()
        return state.keys(**decided)  # type: ignore[arg-type]  # as the caller gives it


def test_what_was_found_is_what_is_saved(recipe: Path) -> None:
    _, matches, solutions = solved(recipe)
    found = found_permutations(matches, solutions)
    assert list(found) == ["b_aligned", "c_aligned"]
    assert [one.seed for one in found.values()] == [0, 5]
    for name, one in found.items():
        saved = load_file(recipe.parent / f"{name[0]}_perms.safetensors")
        vector = np.concatenate([saved[group] for group in sorted(saved)])
        assert one.permutations == sha256(vector.astype("<i4").tobytes()).hexdigest()
        assert one.objective == float(f"{one.objective:.6g}")


def test_keys_of_what_was_found_are_those_of_what_is_given(recipe: Path) -> None:
    compiled, matches, solutions = solved(recipe)
    undecided = keys(recipe, compiled)
    decided = keys(recipe, compiled, decided=decided_vectors(compiled.checked, matches, solutions))
    assert not set(undecided.values()) & set(decided.values()) - {undecided["4.bias"]}
    given = recipe.with_name("given.yaml")
    given.write_text(GIVEN)
    assert decided == keys(given, compile_recipe(given, {}, Report()))


def test_files_of_permutations_and_tables_are_in_the_lock(recipe: Path) -> None:
    solved(recipe)
    folder = recipe.parent
    table = {"tensors": {"0.weight": "u _", "0.bias": "u", "2.weight": "_ u"}, "fixed": ["2.bias", "4.*"]}
    (folder / "table.yaml").write_text(json.dumps(table))
    given = folder / "given.yaml"
    given.write_text(
        GIVEN.replace(
            "c_aligned: {op: align, model: c, to: a, symmetry: mlp, permutations: c_perms.safetensors}",
            "c_aligned: {op: align, model: c, to: a, symmetry: table.yaml}",
        )
    )
    compiled = compile_recipe(given, {}, Report())
    with RecipeState(given, compiled.recipe, compiled.sources, compiled.checked) as state:
        state.start()
        decisions = state.model.decisions
    assert list(decisions) == ["b_aligned", "c_aligned"]
    assert decisions["b_aligned"].given is not None
    assert decisions["b_aligned"].given.path == "b_perms.safetensors"
    content = (folder / "b_perms.safetensors").read_bytes()
    assert decisions["b_aligned"].given.sha256 == sha256(content).hexdigest()
    assert decisions["c_aligned"].table is not None
    content = (folder / "table.yaml").read_bytes()
    assert decisions["c_aligned"].table.sha256 == sha256(content).hexdigest()
