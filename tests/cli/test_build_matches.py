from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest
from safetensors.numpy import load_file

from tests.cli.aligned import RECIPE, network, write_aligned

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from click.testing import Result

CAUTION = "symmetry: {extends: mlp, caution: These average badly.}"


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    return write_aligned(tmp_path)


def test_the_gain_is_told(mergec_command: Callable[..., Result], recipe: Path) -> None:
    result = mergec_command("build", recipe)
    assert (result.exit_code, result.stderr) == (0, "")
    path, summary, first, units, second, _, sentence = result.stdout.splitlines()
    assert path == str(recipe.parent / "out.safetensors")
    assert summary.startswith("6 tensors, ")
    assert first.startswith("b to a: similarity ")
    assert first.endswith(" -> 1.000 in 1 sweep")
    assert units.split()[:4] == ["{0,2}/units", "2", "groups", "gain"]
    assert second.startswith("c to a: similarity 1.000 -> 1.000 in ")
    assert sentence.startswith(
        "  the identity was already best for 2 of 2 groups: `c` and `a` are in the same order"
    )
    found = load_file(recipe.parent / "out.safetensors")
    noise = network(1)
    for name, value in network(0).items():
        assert np.allclose(found[name], value + 0.003 * noise[name], atol=1e-6)


def test_quiet_says_nothing_of_it(mergec_command: Callable[..., Result], recipe: Path) -> None:
    assert mergec_command("build", recipe, "--quiet").stdout == f"{recipe.parent / 'out.safetensors'}\n"


def test_json(mergec_command: Callable[..., Result], recipe: Path) -> None:
    first, second = json.loads(mergec_command("build", recipe, "--json").stdout)["matches"]
    assert (first["model"], first["saved"]) == ("b", [])
    assert (second["model"], second["saved"]) == ("c", [str(recipe.parent / "c_perms.safetensors")])
    assert [group["kept_identity"] for group in first["groups"]] == [False, False]
    assert [group["kept_identity"] for group in second["groups"]] == [True, True]
    assert first["objective"] == pytest.approx(first["norm"])


def test_a_caution_is_told_where_something_moves(mergec_command: Callable[..., Result], recipe: Path) -> None:
    recipe.write_text(RECIPE.replace("symmetry: mlp", CAUTION))
    result = mergec_command("build", recipe)
    assert result.exit_code == 0
    assert result.stderr.count("warning[MC0705]") == 1
    assert "`b` was trained apart from `a`" in result.stderr
    assert "help: These average badly\n" in result.stderr
    warned = json.loads(mergec_command("align", recipe, "--model", "c", "--json").stdout)
    assert warned["diagnostics"] == []


def test_permutations_are_not_written_over_a_checkpoint(
    mergec_command: Callable[..., Result], recipe: Path
) -> None:
    recipe.write_text(RECIPE.replace("c_perms", "b"))
    before = (recipe.parent / "b.safetensors").read_bytes()
    result = mergec_command("build", recipe, "--force")
    assert result.exit_code == 1
    assert "error[MC0802]" in result.stderr
    assert (recipe.parent / "b.safetensors").read_bytes() == before
    assert not (recipe.parent / "out.safetensors").exists()
