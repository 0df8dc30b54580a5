"""Several recipes, and what other programs read of a check."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest

from mergec import pipeline
from tests.diagnostics.sarif_rules import SARIF_LOG

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from click.testing import Result

FORMATS = ["text", "github", "sarif", "json"]


@pytest.fixture
def folder(recipe: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory: `good.yaml`, `odd.yaml` with a warning, `wrong.yaml` and `lost.yaml`."""
    text = recipe.read_text()
    recipe.rename(recipe.with_name("good.yaml"))
    folder = recipe.parent
    (folder / "odd.yaml").write_text(text.replace("sources:", "sources:\n  spare: base.safetensors"))
    (folder / "wrong.yaml").write_text(text.replace("op: linear", "op: linaer"))
    (folder / "lost.yaml").write_text(text.replace("tuned.safetensors", "gone.safetensors"))
    monkeypatch.chdir(folder)
    return folder


def sarif_run(result: Result) -> dict[str, Any]:
    log = json.loads(result.stdout)
    jsonschema.Draft7Validator(SARIF_LOG).validate(log)
    (run,) = log["runs"]
    assert isinstance(run, dict)
    assert run["invocations"][0]["exitCode"] == result.exit_code
    return run


def places(run: dict[str, Any]) -> list[tuple[str, str, int]]:
    found = [(one["ruleId"], one["locations"][0]["physicalLocation"]) for one in run["results"]]
    return [(code, place["artifactLocation"]["uri"], place["region"]["startLine"]) for code, place in found]


@pytest.mark.parametrize("format_", FORMATS)
@pytest.mark.parametrize(
    ("recipes", "worst"),
    [
        (["good.yaml"], 0),
        (["good.yaml", "odd.yaml"], 0),
        (["wrong.yaml"], 1),
        (["wrong.yaml", "good.yaml"], 1),
        (["lost.yaml", "wrong.yaml", "good.yaml"], 5),
        (["wrong.yaml", "nowhere.yaml"], 5),
    ],
)
def test_the_worst_recipe_decides_in_every_format(
    mergec_command: Callable[..., Result], folder: Path, format_: str, recipes: list[str], worst: int
) -> None:
    assert folder.is_dir()
    assert mergec_command("check", *recipes, "--format", format_).exit_code == worst


def test_text_tells_every_recipe_as_if_it_were_alone(
    mergec_command: Callable[..., Result], folder: Path
) -> None:
    names = sorted(path.name for path in folder.glob("*.yaml"))
    alone = [mergec_command("check", name) for name in names]
    together = mergec_command("check", *names)
    assert together.stdout == "".join(one.stdout for one in alone)
    assert together.stderr == "".join(one.stderr for one in alone)
    assert together.stdout.count(": ok, ") == 2
    assert mergec_command("check", *names, "--format", "text").output == together.output


def test_github_has_a_line_for_every_finding_and_every_sound_recipe(
    mergec_command: Callable[..., Result], folder: Path
) -> None:
    assert folder.is_dir()
    result = mergec_command("check", "odd.yaml", "wrong.yaml", "--format", "github")
    assert result.stderr == ""
    warning, sound, error = result.stdout.splitlines()
    assert warning.startswith(
        "::warning file=odd.yaml,line=3,endLine=3,col=3,endColumn=8,title=mergec MC0304::"
    )
    assert sound == "mergec: odd.yaml: ok, 5 tensors from 2 sources"
    assert error.startswith(
        "::error file=wrong.yaml,line=7,endLine=7,col=9,endColumn=15,title=mergec MC0301::"
    )
    quiet = mergec_command("check", "odd.yaml", "--format", "github", "--quiet")
    assert quiet.stdout.splitlines() == [sound]


def test_the_name_of_a_recipe_is_no_command(mergec_command: Callable[..., Result], folder: Path) -> None:
    odd = "::stop-commands::x.yaml"
    shutil.copy(folder / "good.yaml", folder / odd)
    result = mergec_command("check", odd, "--format", "github")
    assert result.exit_code == 0
    assert result.stdout == f"mergec: {odd}: ok, 5 tensors from 2 sources\n"


def test_paths_are_as_seen_from_the_working_directory(
    mergec_command: Callable[..., Result], folder: Path
) -> None:
    result = mergec_command("check", folder / "wrong.yaml", "--format", "github")
    assert result.stdout.startswith("::error file=wrong.yaml,line=7,")
    assert places(sarif_run(mergec_command("check", folder / "wrong.yaml", "--format", "sarif"))) == [
        ("MC0301", "wrong.yaml", 7)
    ]


def test_sarif_is_one_log_of_all_recipes(mergec_command: Callable[..., Result], folder: Path) -> None:
    assert folder.is_dir()
    result = mergec_command("check", "odd.yaml", "wrong.yaml", "lost.yaml", "--format", "sarif")
    assert result.stderr == ""
    assert places(sarif_run(result)) == [
        ("MC0304", "odd.yaml", 3),
        ("MC0301", "wrong.yaml", 7),
        ("MC0201", "lost.yaml", 4),
    ]


def test_a_sound_recipe_has_a_log_without_results(
    mergec_command: Callable[..., Result], folder: Path
) -> None:
    assert folder.is_dir()
    assert sarif_run(mergec_command("check", "good.yaml", "--format", "sarif"))["results"] == []


def test_a_recipe_that_cannot_be_read_is_a_run_that_failed(
    mergec_command: Callable[..., Result], folder: Path
) -> None:
    assert folder.is_dir()
    run = sarif_run(mergec_command("check", "nowhere.yaml", "--format", "sarif"))
    assert run["results"] == []
    (notification,) = run["invocations"][0]["toolExecutionNotifications"]
    assert notification["descriptor"] == {"id": "MC0107"}


def test_what_has_no_place_stands_at_the_top_of_its_recipe(
    mergec_command: Callable[..., Result], folder: Path
) -> None:
    assert folder.is_dir()
    arguments = ["check", "good.yaml", "--set", "beta=1"]
    (alone,) = json.loads(mergec_command(*arguments, "--json").stdout)["diagnostics"]
    assert (alone["code"], alone["place"]) == ("MC0114", None)
    run = sarif_run(mergec_command(*arguments, "--format", "sarif"))
    assert places(run) == [("MC0114", "good.yaml", 1)]
    line = mergec_command(*arguments, "--format", "github").stdout
    assert line.startswith("::error file=good.yaml,line=1,")


@pytest.mark.parametrize("name", ["good.yaml", "odd.yaml", "wrong.yaml"])
def test_json_of_one_recipe_is_what_it_was(
    mergec_command: Callable[..., Result], folder: Path, name: str
) -> None:
    assert folder.is_dir()
    result = mergec_command("check", name, "--format", "json")
    assert result.output == mergec_command("check", name, "--json").output
    expected = {"format_version", "mergec", "diagnostics"} | (
        {"tensors", "sources"} if result.exit_code == 0 else set()
    )
    assert json.loads(result.stdout).keys() == expected


def test_json_of_several_recipes_is_a_list(mergec_command: Callable[..., Result], folder: Path) -> None:
    assert folder.is_dir()
    document = json.loads(mergec_command("check", "odd.yaml", "wrong.yaml", "--json").stdout)
    odd, wrong = document["recipes"]
    assert (odd["recipe"], odd["exit_code"], odd["tensors"]) == ("odd.yaml", 0, 5)
    assert [one["code"] for one in odd["diagnostics"]] == ["MC0304"]
    assert (wrong["recipe"], wrong["exit_code"], "tensors" in wrong) == ("wrong.yaml", 1, False)
    assert [one["code"] for one in wrong["diagnostics"]] == ["MC0301"]


def test_json_and_another_format_are_a_usage_error(
    mergec_command: Callable[..., Result], folder: Path
) -> None:
    assert folder.is_dir()
    for arguments in (["--json", "--format", "sarif"], ["--format", "text", "--json"]):
        result = mergec_command("check", "good.yaml", *arguments)
        assert (result.exit_code, result.stdout) == (2, "")


@pytest.mark.parametrize("format_", ["github", "sarif"])
def test_a_fault_is_told_in_the_format_too(
    mergec_command: Callable[..., Result], folder: Path, monkeypatch: pytest.MonkeyPatch, format_: str
) -> None:
    assert folder.is_dir()

    def fails(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(pipeline, "compile_recipe", fails)
    result = mergec_command("check", "good.yaml", "--format", format_)
    assert (result.exit_code, result.stderr) == (7, "")
    if format_ == "github":
        assert result.stdout.startswith("::error title=mergec MC0901::a fault of mergec itself: ")
    else:
        (notification,) = sarif_run(result)["invocations"][0]["toolExecutionNotifications"]
        assert notification["descriptor"] == {"id": "MC0901"}
