from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from mergec import __version__
from mergec.cli.program import COMMANDS, main

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from click.testing import Result

HEAVY = ("torch", "pydantic", "numpy", "networkx", "rich", "mergec.pipeline", "mergec.diagnostics.render")


def loaded_after(arguments: list[str], root: Path) -> list[str]:
    code = (
        "import sys\n"
        "from mergec.cli import main\n"
        "try: main(sys.argv[1:])\n"
        "except SystemExit as stop: code = stop.code\n"
        f"print(code, *[m for m in {HEAVY!r} if m in sys.modules], file=sys.stderr)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        env={**os.environ, "PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stderr.split()


def test_help_imports_nothing_heavy(request: pytest.FixtureRequest) -> None:
    assert loaded_after(["--help"], request.config.rootpath) == ["0"]


def test_check_imports_no_torch(request: pytest.FixtureRequest, recipe: Path) -> None:
    code, *modules = loaded_after(["check", str(recipe)], request.config.rootpath)
    assert code == "0"
    assert not {"torch", "numpy", "networkx", "rich"} & set(modules)


def test_inspect_imports_no_torch(request: pytest.FixtureRequest, recipe: Path) -> None:
    base, tuned = (str(recipe.parent / f"{name}.safetensors") for name in ("base", "tuned"))
    for arguments in ([base], [base, tuned]):
        code, *modules = loaded_after(["inspect", *arguments, "--quiet"], request.config.rootpath)
        assert code == "0"
        assert not {"torch", "numpy", "networkx", "rich"} & set(modules)


def test_plan_imports_no_torch(request: pytest.FixtureRequest, recipe: Path) -> None:
    code, *modules = loaded_after(["plan", str(recipe)], request.config.rootpath)
    assert code == "0"
    assert "torch" not in modules


def test_help_names_every_command(mergec_command: Callable[..., Result]) -> None:
    result = mergec_command("--help")
    assert result.exit_code == 0
    assert all(f"  {name} " in result.output for name in COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_and_its_own_name(mergec_command: Callable[..., Result], name: str) -> None:
    result = mergec_command(name, "--help")
    assert result.exit_code == 0
    assert result.output.startswith(f"Usage: mergec {name} ")
    assert "--color" in result.output


def test_version(mergec_command: Callable[..., Result]) -> None:
    assert mergec_command("--version").output == f"mergec {__version__}\n"


@pytest.mark.parametrize(
    "arguments",
    [["chekc"], ["check"], ["check", "--memory", "1GB", "r"], ["build", "r", "--memory", "x"], ["--colour"]],
)
def test_usage_errors_exit_with_2(mergec_command: Callable[..., Result], arguments: list[str]) -> None:
    result = mergec_command(*arguments)
    assert result.exit_code == 2
    assert result.stdout == ""


def test_a_misspelt_command_is_recognised(mergec_command: Callable[..., Result]) -> None:
    assert "did you mean `check`?" in mergec_command("chekc").stderr


def test_a_general_option_may_stand_on_either_side(mergec_command: Callable[..., Result]) -> None:
    for arguments in (["--color", "always", "check", "no.yaml"], ["check", "no.yaml", "--color", "always"]):
        assert "\x1b[" in mergec_command(*arguments).stderr


@pytest.mark.parametrize(
    ("environment", "arguments", "is_colored"),
    [
        ({}, [], False),
        ({"FORCE_COLOR": "1"}, [], True),
        ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, [], False),
        ({"NO_COLOR": "1"}, ["--color", "always"], True),
        ({"FORCE_COLOR": "1"}, ["--color", "never"], False),
    ],
)
def test_colours(
    mergec_command: Callable[..., Result],
    monkeypatch: pytest.MonkeyPatch,
    environment: dict[str, str],
    arguments: list[str],
    is_colored: bool,  # noqa: FBT001  # a parameter of the test
) -> None:
    for name in ("NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert ("\x1b[" in mergec_command("check", "no.yaml", *arguments).stderr) is is_colored


def test_a_missing_recipe_is_a_source_that_cannot_be_had(
    mergec_command: Callable[..., Result], tmp_path: Path
) -> None:
    result = mergec_command("check", tmp_path / "no.yaml")
    assert result.exit_code == 5
    assert "error[MC0107]" in result.stderr
    assert result.stdout == ""


def test_with_json_what_is_wrong_is_json_too(mergec_command: Callable[..., Result], tmp_path: Path) -> None:
    result = mergec_command("check", tmp_path / "no.yaml", "--json")
    assert result.exit_code == 5
    assert result.stderr == ""
    document = json.loads(result.stdout)
    assert document["format_version"] == "1.0"
    assert [one["code"] for one in document["diagnostics"]] == ["MC0107"]


def test_a_reader_that_goes_away_is_no_error(
    mergec_process: Callable[..., subprocess.Popen[str]], recipe: Path
) -> None:
    process = mergec_process("plan", recipe, "--json")
    assert process.stdout is not None
    process.stdout.close()
    assert process.stderr is not None
    assert process.stderr.read() == ""
    assert process.wait() == 0
    process.stderr.close()


def test_a_recipe_with_a_name_that_stdout_cannot_encode(
    mergec_process: Callable[..., subprocess.Popen[str]], recipe: Path
) -> None:
    renamed = recipe.rename(recipe.with_name("モデル.yaml"))
    with mergec_process("check", renamed, PYTHONIOENCODING="ascii") as process:
        output, errors = process.communicate()
    assert process.returncode == 0, errors
    assert "\\u30e2" in output


def test_the_program_is_not_changed_by_a_run() -> None:
    assert main.list_commands(main.make_context(None, ["check"])) == list(COMMANDS)
