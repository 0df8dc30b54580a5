from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.cli.aligned import RECIPE, write_aligned

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from click.testing import Result

WRONG = """
    symmetry:
      tensors: {"0.weight": u _, "0.bias, 2.bias": u, "2.weight": v u, "4.weight": _ v, "4.bias": _}
"""


@pytest.fixture
def recipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return write_aligned(tmp_path)


def test_laws(mergec_command: Callable[..., Result], recipe: Path) -> None:
    result = mergec_command("check", recipe, "--self-test")
    assert (result.exit_code, result.stderr) == (0, "")
    ok, *lines = result.stdout.splitlines()
    assert ok == f"{recipe}: ok, 6 tensors from 3 sources"
    told = "random permutations of 5 tensors keep the laws of a group; "
    told += "`--forward` compares what is computed, too"
    assert lines == [
        line
        for name in "bc"
        for line in (f"`{name}`: {told}", "  family  groups  tensors", "  units        2        5")
    ]


def test_a_function(mergec_command: Callable[..., Result], recipe: Path) -> None:
    result = mergec_command("check", recipe, "--self-test", "--forward", "net.py:net")
    assert (result.exit_code, result.stderr) == (0, "")
    _, head, columns, units, everything = result.stdout.splitlines()[:5]
    assert head == "`b`: random permutations of 5 tensors; by rounding, what is computed may deviate by 2e-06"
    assert columns.split() == ["family", "groups", "tensors", "deviation", "control"]
    assert [line.split()[:3] for line in (units, everything)] == [
        ["units", "2", "5"],
        ["everything", "2", "5"],
    ]
    for line in (units, everything):
        deviation, control = map(float, line.split()[3:])
        assert deviation <= 2e-6
        assert control > 0.01


def test_json(mergec_command: Callable[..., Result], recipe: Path) -> None:
    arguments = "--self-test", "--forward", "net.py:net", "--seed", "3", "--json"
    document = json.loads(mergec_command("check", recipe, *arguments).stdout)
    first, second = document["self_test"]
    assert (first["model"], second["model"]) == ("b", "c")
    assert first["limit"] == 2e-6
    assert [one["family"] for one in first["families"]] == ["units", "everything"]
    again = json.loads(mergec_command("check", recipe, *arguments).stdout)
    assert again == document
    other = json.loads(mergec_command("check", recipe, *arguments[:3], "--json").stdout)
    assert other["self_test"] != document["self_test"]


def test_a_wrong_table_is_found_out(mergec_command: Callable[..., Result], recipe: Path) -> None:
    one = "  b_aligned: {op: align, model: b, to: a, symmetry: mlp}\n"
    recipe.write_text(RECIPE.replace(one, f"  b_aligned:\n    op: align\n    model: b\n    to: a{WRONG}"))
    result = mergec_command("check", recipe, "--self-test", "--forward", "net.py:net")
    assert result.exit_code == 4
    assert result.stdout == ""
    assert "error[MC0550]: permuting `u` changes what `b` computes" in result.stderr
    assert "error[MC0550]: permuting `v` changes what `b` computes" in result.stderr
    assert "  everything  " in result.stderr


def test_a_model_that_is_aligned_twice_alike_is_tested_once(
    mergec_command: Callable[..., Result], recipe: Path
) -> None:
    twice = RECIPE.replace("model: c, to: a", "model: b, to: c, seed: 1").replace(
        ", save_permutations: c_perms.safetensors", ""
    )
    recipe.write_text(twice)
    document = json.loads(mergec_command("check", recipe, "--self-test", "--json").stdout)
    assert [one["model"] for one in document["self_test"]] == ["b"]


@pytest.mark.parametrize("option", [["--forward", "net.py:net"], ["--seed", "1"], ["--memory", "1GiB"]])
def test_its_options_need_it(mergec_command: Callable[..., Result], recipe: Path, option: list[str]) -> None:
    result = mergec_command("check", recipe, *option)
    assert result.exit_code == 2
    assert "go with --self-test" in result.stderr


def test_memory_is_kept_to(mergec_command: Callable[..., Result], recipe: Path) -> None:
    result = mergec_command("check", recipe, "--self-test", "--memory", "1MiB")
    assert result.exit_code == 6
    assert "error[MC0601]" in result.stderr
