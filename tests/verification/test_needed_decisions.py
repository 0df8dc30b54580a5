"""Outputs of aligned models computed again: what is found, what is given, what is left out."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

import mergec
from mergec.diagnostics import Report
from mergec.ir.plan import GivenVector, MatchTask
from mergec.lock.found_permutations import found_permutations
from mergec.pipeline import Options, compile_recipe, make_build_plan, solve
from mergec.verification.needed_decisions import with_needed_decisions
from tests.cli.aligned import write_aligned
from tests.verification.outputs import codes, verified

if TYPE_CHECKING:
    from pathlib import Path

    from mergec.ir.plan import Plan


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    return write_aligned(tmp_path)


def plan_of(recipe: Path) -> Plan:
    return make_build_plan(compile_recipe(recipe, {}, Report()), Options(workers=1))


def test_an_aligned_output_computed_again(recipe: Path) -> None:
    out = mergec.load(recipe).build().path
    found = verified(out, recipe=recipe, rebuild=True)
    assert found.is_as_promised
    assert (found.rebuilt, found.tolerated) == (6, 0)
    recipe.with_suffix(".lock").unlink()
    (recipe.parent / "c_perms.safetensors").unlink()
    found = verified(out, recipe=recipe, sample=3)
    assert (found.is_as_promised, found.rebuilt, found.tolerated) == (True, 3, 0)


def test_what_is_a_little_off_is_tolerated(recipe: Path) -> None:
    out = mergec.load(recipe).build().path
    recipe.with_suffix(".lock").unlink()
    _scale(out, 1 + 1e-6)
    found = verified(out, recipe=recipe, rebuild=True)
    assert found.is_as_promised
    assert found.tolerated == 5
    _scale(out, 1 + 1e-3)
    found = verified(out, recipe=recipe, rebuild=True)
    assert codes(found) == ["MC0892"]
    assert "relative L2 norm is 1.0e-03" in found.findings[0].problem


def _scale(out: Path, factor: float) -> None:
    """Change all values that rest on a match, and nothing else."""
    content = out.read_bytes()
    start = 8 + int.from_bytes(content[:8], "little")
    tensors = load_file(out)
    for name in tensors.keys() - {"4.bias"}:
        tensors[name] = (tensors[name] * factor).astype(np.float32)
    save_file(tensors, out.with_name("scaled"))
    scaled = out.with_name("scaled").read_bytes()
    data = scaled[8 + int.from_bytes(scaled[:8], "little") :]
    assert len(data) == len(content) - start
    out.write_bytes(content[:start] + data)


def test_only_what_is_needed_is_decided(recipe: Path) -> None:
    plan = plan_of(recipe)
    assert [type(one) for one in plan.decisions] == [MatchTask, MatchTask]
    assert with_needed_decisions(plan, {}).decisions == plan.decisions
    nothing = replace(plan, regions=())
    assert with_needed_decisions(nothing, {}).decisions == ()


def test_a_file_of_what_was_found_stands_for_the_match(recipe: Path) -> None:
    compiled = compile_recipe(recipe, {}, Report())
    plan = make_build_plan(compiled, Options(workers=1))
    solutions = solve(compiled, plan, Report()).solutions
    found = found_permutations(plan.matches, solutions)
    kinds = [type(one) for one in with_needed_decisions(plan, found).decisions]
    assert kinds == [MatchTask, GivenVector], "only the second is saved"
    vector = with_needed_decisions(plan, found).decisions[1]
    assert isinstance(vector, GivenVector)
    assert vector.vector == solutions[1].elements[0].tobytes()


@pytest.mark.parametrize("damage", ["another digest", "no file", "no permutation"])
def test_a_file_of_something_else_does_not(recipe: Path, damage: str) -> None:
    compiled = compile_recipe(recipe, {}, Report())
    plan = make_build_plan(compiled, Options(workers=1))
    found = found_permutations(plan.matches, solve(compiled, plan, Report()).solutions)
    path = recipe.parent / "c_perms.safetensors"
    if damage == "another digest":
        found = {name: one.model_copy(update={"permutations": "0" * 64}) for name, one in found.items()}
    elif damage == "no file":
        path.unlink()
    else:
        path.write_bytes(bytes(100))
    assert with_needed_decisions(plan, found).decisions == plan.decisions
