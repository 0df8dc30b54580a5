from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urljoin, urlsplit

import jsonschema
import pytest

from mergec import __version__
from mergec.cli.all_codes import all_codes
from mergec.diagnostics import Diagnostic, ExitCode, Label, SourceText, Span
from mergec.diagnostics.as_sarif import sarif_log
from mergec.diagnostics.explanation import explanation
from mergec.diagnostics.internal import InternalFault
from mergec.recipe.errors import DuplicateKey
from mergec.steps.errors import UnusedSource
from tests.diagnostics.sarif_rules import SARIF_LOG

if TYPE_CHECKING:
    from pathlib import Path


def run_of(folder: Path, *found: Diagnostic, exit_code: ExitCode = ExitCode.RECIPE) -> dict[str, Any]:
    """The one run of a log, which is as the standard asks for, and plain JSON."""
    log = sarif_log(found, all_codes(), folder, __version__, exit_code)
    jsonschema.Draft7Validator(SARIF_LOG).validate(log)
    assert json.loads(json.dumps(log)) == log
    (run,) = log["runs"]
    assert isinstance(run, dict)
    return run


def span(name: str, line: int = 2) -> Span:
    return Span(SourceText(name, "a: 1\na: 2\n"), line, 1, 2)


def test_a_result_at_its_place(tmp_path: Path) -> None:
    (tmp_path / "recipe.yaml").touch()
    first = Label(span("recipe.yaml", 1), "first written here")
    found = DuplicateKey(key="a", span=span("recipe.yaml"), label="again", others=(first,), help="keep one")
    run = run_of(tmp_path, found)
    artifact = {"uri": "recipe.yaml", "uriBaseId": "%SRCROOT%"}
    (result,) = run["results"]
    assert run["tool"]["driver"]["rules"][result.pop("ruleIndex")]["id"] == "MC0102"
    assert result == {
        "ruleId": "MC0102",
        "level": "error",
        "message": {"text": "the key `a` is written twice\nhere: again\nhelp: keep one"},
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": artifact,
                    "region": {"startLine": 2, "startColumn": 1, "endLine": 2, "endColumn": 2},
                }
            }
        ],
        "relatedLocations": [
            {
                "id": 0,
                "physicalLocation": {
                    "artifactLocation": artifact,
                    "region": {"startLine": 1, "startColumn": 1, "endLine": 1, "endColumn": 2},
                },
                "message": {"text": "first written here"},
            }
        ],
    }
    assert run["invocations"] == [{"executionSuccessful": True, "exitCode": 1}]


def test_every_code_is_a_rule_once(tmp_path: Path) -> None:
    driver = run_of(tmp_path)["tool"]["driver"]
    assert (driver["name"], driver["version"]) == ("mergec", __version__)
    kinds = all_codes()
    assert [rule["id"] for rule in driver["rules"]] == list(kinds)
    for rule in driver["rules"]:
        kind = kinds[rule["id"]]
        assert rule["help"]["text"] == explanation(kind)
        assert rule["defaultConfiguration"]["level"] == kind.severity.value
        assert "\n" not in rule["fullDescription"]["text"]
        assert len(rule["fullDescription"]["text"]) <= 1024, "code scanning's limit"


def test_a_warning_is_one(tmp_path: Path) -> None:
    (tmp_path / "recipe.yaml").touch()
    run = run_of(tmp_path, UnusedSource(name="a", span=span("recipe.yaml")), exit_code=ExitCode.DONE)
    assert [result["level"] for result in run["results"]] == ["warning"]


def test_what_is_in_no_file_is_a_notification_of_a_run_that_failed(tmp_path: Path) -> None:
    run = run_of(tmp_path, InternalFault(problem="x"), exit_code=ExitCode.INTERNAL)
    assert run["results"] == []
    (invocation,) = run["invocations"]
    assert (invocation["executionSuccessful"], invocation["exitCode"]) == (False, 7)
    (notification,) = invocation["toolExecutionNotifications"]
    assert notification["descriptor"] == {"id": "MC0901"}
    assert notification["message"]["text"] == "a fault of mergec itself: x"


def test_another_place_in_no_file_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "recipe.yaml").touch()
    others = (Label(span("symmetry:bert"), "in the table"), Label(span("recipe.yaml", 1), "here"))
    (result,) = run_of(tmp_path, DuplicateKey(key="a", span=span("recipe.yaml"), others=others))["results"]
    assert [one["message"]["text"] for one in result["relatedLocations"]] == ["here"]


@pytest.mark.parametrize("name", ["deep/er/a b.yaml", "100%.yaml", "c:d.yaml", "ä#?.yaml"])
def test_names_of_files_are_relative_references(tmp_path: Path, name: str) -> None:
    (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / name).touch()
    (result,) = run_of(tmp_path, DuplicateKey(key="a", span=span(name)))["results"]
    artifact = result["locations"][0]["physicalLocation"]["artifactLocation"]
    assert artifact["uri"].isascii()
    resolved = urlsplit(urljoin("https://host/checkout/", artifact["uri"]))
    assert unquote(resolved.path) == f"/checkout/{name}"
    assert (resolved.query, resolved.fragment) == ("", "")


def test_a_file_elsewhere_has_its_absolute_place(tmp_path: Path) -> None:
    folder, file = tmp_path / "here", tmp_path.resolve() / "beside.yaml"
    folder.mkdir()
    file.touch()
    (result,) = run_of(folder, DuplicateKey(key="a", span=span("../beside.yaml")))["results"]
    artifact = result["locations"][0]["physicalLocation"]["artifactLocation"]
    assert artifact == {"uri": file.as_uri()}
