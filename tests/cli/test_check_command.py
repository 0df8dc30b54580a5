from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from click.testing import Result


def test_one_line_for_a_sound_recipe(mergec_command: Callable[..., Result], recipe: Path) -> None:
    result = mergec_command("check", recipe)
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == f"{recipe}: ok, 5 tensors from 2 sources\n"


def test_json(mergec_command: Callable[..., Result], recipe: Path) -> None:
    document = json.loads(mergec_command("check", recipe, "--json").stdout)
    assert document["tensors"] == 5
    assert document["sources"] == 2
    assert document["diagnostics"] == []


def test_errors_point_into_the_recipe(mergec_command: Callable[..., Result], recipe: Path) -> None:
    recipe.write_text(recipe.read_text().replace("op: linear", "op: linaer"))
    result = mergec_command("check", recipe)
    assert result.exit_code == 1
    assert result.stdout == ""
    assert f" --> {recipe}:7:9\n  |\n7 |     op: linaer\n  |         ^^^^^^\n" in result.stderr
    assert "help: did you mean `linear`?" in result.stderr


def test_warnings_go_to_stderr_unless_quiet(mergec_command: Callable[..., Result], recipe: Path) -> None:
    recipe.write_text(recipe.read_text().replace("sources:", "sources:\n  spare: spare.safetensors"))
    assert "warning[MC0304]" in mergec_command("check", recipe).stderr
    quiet = mergec_command("check", recipe, "--quiet")
    assert (quiet.exit_code, quiet.stderr) == (0, "")


@pytest.mark.parametrize("text", ["alpha", "=1", ""])
def test_a_malformed_set_is_a_usage_error(
    mergec_command: Callable[..., Result], recipe: Path, text: str
) -> None:
    assert mergec_command("check", recipe, "--set", text).exit_code == 2


def test_set_gives_a_parameter_another_value(mergec_command: Callable[..., Result], recipe: Path) -> None:
    text = recipe.read_text().replace("mergec: 1", "mergec: 1\nparams: {alpha: 0.5}")
    recipe.write_text(text.replace('"**": 0.5', '"**": "${alpha}"'))
    assert mergec_command("check", recipe, "--set", "alpha=0.25").exit_code == 0
    assert mergec_command("check", recipe, "--set", "alpha=much").exit_code == 1
    assert mergec_command("check", recipe, "--set", "beta=1").exit_code == 1
    assert mergec_command("check", recipe, "--set", "alpha=1", "--set", "alpha=2").exit_code == 2
