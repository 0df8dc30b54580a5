from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import load_file

from tests.cli.aligned import RECIPE, network, write_aligned

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from click.testing import Result


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    return write_aligned(tmp_path)


def test_the_permutations_of_one_model_and_nothing_else(
    mergec_command: Callable[..., Result], recipe: Path
) -> None:
    before = {path.name for path in recipe.parent.iterdir()}
    out = recipe.parent / "perms.safetensors"
    result = mergec_command("align", recipe, "--model", "b", "--out", out)
    assert (result.exit_code, result.stderr) == (0, "")
    assert {path.name for path in recipe.parent.iterdir()} == {*before, "perms.safetensors"}
    path, head, *rows = result.stdout.splitlines()
    assert path == str(out)
    assert head.startswith("b to a: similarity ")
    assert head.endswith("-> 1.000 in 1 sweep")
    assert len(rows) == 1
    found = load_file(out)
    assert {name: value.dtype for name, value in found.items()} == {"0/units": np.int32, "2/units": np.int32}
    b = load_file(recipe.parent / "b.safetensors")
    assert np.array_equal(b["0.weight"][found["0/units"]], network(0)["0.weight"])
    assert np.array_equal(b["2.weight"][found["2/units"]][:, found["0/units"]], network(0)["2.weight"])


def test_where_the_recipe_says(mergec_command: Callable[..., Result], recipe: Path) -> None:
    result = mergec_command("align", recipe, "--model", "c_aligned", "--quiet")
    place = recipe.parent / "c_perms.safetensors"
    assert result.stdout == f"{place}\n"
    with safe_open(place, "np") as file:
        about = json.loads(file.metadata()["mergec"])
    assert (about["model"], about["anchor"]) == ("c", "a")


def test_the_file_gives_the_same_output(mergec_command: Callable[..., Result], recipe: Path) -> None:
    assert (
        mergec_command("align", recipe, "--model", "b", "--out", recipe.parent / "p.safetensors").exit_code
        == 0
    )
    assert mergec_command("build", recipe).exit_code == 0
    expected = load_file(recipe.parent / "out.safetensors")
    recipe.write_text(RECIPE.replace("symmetry: mlp}", "symmetry: mlp, permutations: p.safetensors}"))
    assert mergec_command("build", recipe).exit_code == 0
    found = load_file(recipe.parent / "out.safetensors")
    assert all(np.array_equal(found[name], value) for name, value in expected.items())


def test_all_models_where_all_have_a_place(mergec_command: Callable[..., Result], recipe: Path) -> None:
    saved = "symmetry: mlp, save_permutations: b_perms.safetensors}"
    recipe.write_text(RECIPE.replace("symmetry: mlp}", saved))
    result = mergec_command("align", recipe)
    paths = [str(recipe.parent / f"{name}_perms.safetensors") for name in "bc"]
    assert result.stdout.splitlines()[:2] == paths
    again = mergec_command("align", recipe)
    assert again.stdout == result.stdout, "a file of permutations may be written over"


def test_json(mergec_command: Callable[..., Result], recipe: Path) -> None:
    out = recipe.parent / "p.safetensors"
    document = json.loads(mergec_command("align", recipe, "--model", "b", "--out", out, "--json").stdout)
    (match,) = document["matches"]
    assert (match["model"], match["anchor"], match["saved"]) == ("b", "a", [str(out)])
    assert [group["group"] for group in match["groups"]] == ["0/units", "2/units"]
    assert match["objective"] == pytest.approx(match["norm"])
    assert match["identity"] < match["objective"] == match["sweeps"][-1]
    assert document["diagnostics"] == []


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ([], "where are the permutations of `b` to go? Give --out, or write `save_permutations:`"),
        (["--out", "p.safetensors"], "--out is for the permutations of one model"),
        (["--out", "p.safetensors", "--model", "d"], "no aligned model `d`: there is `b`, `c`"),
        (["--out", "p.safetensors", "--model", "a"], "no aligned model `a`"),
        (["--model", "b_alignd"], "did you mean `b_aligned`?"),
    ],
)
def test_what_to_do_must_be_clear(
    mergec_command: Callable[..., Result], recipe: Path, arguments: list[str], told: str
) -> None:
    before = {path.name for path in recipe.parent.iterdir()}
    result = mergec_command("align", recipe, *arguments)
    assert result.exit_code == 2
    assert told in result.stderr
    assert {path.name for path in recipe.parent.iterdir()} == before


def test_only_the_matches_that_are_asked_for_are_solved(
    mergec_command: Callable[..., Result], recipe: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mergec.symmetries.matching import solve as module

    solved: list[object] = []
    original = module.solve

    def counted(*arguments: object) -> object:
        solved.append(arguments)
        return original(*arguments)  # type: ignore[arg-type]  # handed on as they are

    monkeypatch.setattr(module, "solve", counted)
    assert mergec_command("align", recipe, "--model", "c", "--quiet").exit_code == 0
    assert len(solved) == 1


def test_a_match_that_rests_on_another_one(mergec_command: Callable[..., Result], recipe: Path) -> None:
    recipe.write_text(
        RECIPE.replace("model: c, to: a", "model: c, to: half").replace(
            "  mean:", "  half: 0.5 * a + 0.5 * b_aligned\n  mean:"
        )
    )
    result = mergec_command("align", recipe, "--model", "c")
    assert (result.exit_code, result.stderr) == (0, "")
    found = load_file(recipe.parent / "c_perms.safetensors")
    assert all(np.array_equal(value, np.arange(8)) for value in found.values())


@pytest.mark.parametrize("workers", [1, 3])
def test_the_same_for_any_number_of_workers(
    mergec_command: Callable[..., Result], recipe: Path, workers: int
) -> None:
    out = recipe.parent / "p.safetensors"
    mergec_command("align", recipe, "--model", "b", "--out", out, "--workers", workers)
    first = out.read_bytes()
    mergec_command("align", recipe, "--model", "b", "--out", out)
    assert out.read_bytes() == first


def test_a_checkpoint_is_not_written_over(mergec_command: Callable[..., Result], recipe: Path) -> None:
    other = recipe.parent / "other.safetensors"
    other.write_bytes((recipe.parent / "a.safetensors").read_bytes())
    result = mergec_command("align", recipe, "--model", "b", "--out", other)
    assert result.exit_code == 1
    assert "error[MC0801]" in result.stderr
    assert load_file(other).keys() == network(0).keys()


def test_quick_help(mergec_command: Callable[..., Result]) -> None:
    text = " ".join(mergec_command("align", "--help").stdout.split())
    assert "Only models that the output is made of are matched" in text
