"""Runs the shell steps of a composite action as the runner of GitHub Actions does, on this machine.

Steps that use another action are left out. Of the language of expressions it knows what `action.yml` needs,
and refuses the rest.
"""

from __future__ import annotations

import os
import re
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mergec.diagnostics import SourceText
from mergec.recipe.yaml_tree import plain, read_yaml

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / ".ci/action"
_EXPRESSION = re.compile(r"\$\{\{ *(.+?) *\}\}")
_COMPARISON = re.compile(r"([a-z][\w.-]*) (==|!=) '([^']*)'")


def read_document(text: str) -> Any:
    """A YAML text as plain values."""
    return plain(read_yaml(SourceText("document", text)))


def read_action() -> dict[str, Any]:
    """The action file."""
    document = read_document((FOLDER / "action.yml").read_text())
    assert isinstance(document, dict)
    return document


@dataclass
class Ended:
    """How an action ended: what its steps printed, and what it left for other steps."""

    returncode: int
    output: str
    outputs: dict[str, str]
    path: list[str]
    summary: str
    ran: list[str] = field(default_factory=list)


class Runner:
    """A job in a folder of its own."""

    def __init__(self, checkout: Path, temporary: Path, path: str) -> None:
        """Run steps in `checkout`, with programs found on `path`."""
        self.checkout = checkout
        self.temporary = temporary
        self.path = path
        self._files = {name: temporary / name for name in ("output", "path", "summary")}
        temporary.mkdir()

    def run(self, **inputs: str) -> Ended:
        """Run the action until a step fails; of the others, only those that always run are looked at."""
        action = read_action()
        assert inputs.keys() <= action["inputs"].keys()
        given = {name: spec["default"] for name, spec in action["inputs"].items()} | inputs
        values = {f"inputs.{name}": value for name, value in given.items()}
        code, printed, ran = 0, "", []
        for file in self._files.values():
            file.write_text("")
        for step in action["runs"]["steps"]:
            condition = step.get("if", "success()")
            if not _holds(condition, values, is_failed=code != 0):
                continue
            ran.append(step["name"])
            if "run" in step:
                done = self._run(step, values)
                printed += done.stdout
                code = code or done.returncode
                found = _pairs(self._files["output"].read_text())
                values |= {f"steps.{step.get('id')}.outputs.{name}": value for name, value in found.items()}
        outputs = {name: _filled(spec["value"], values) for name, spec in action["outputs"].items()}
        path = self._files["path"].read_text().splitlines()
        return Ended(code, printed, outputs, path, self._files["summary"].read_text(), ran)

    def _run(self, step: Mapping[str, Any], values: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
        assert step["shell"] == "bash"
        script = self.temporary / "step.sh"
        script.write_text(step["run"])
        environment = {
            "PATH": os.pathsep.join([*reversed(self._files["path"].read_text().splitlines()), self.path]),
            "HOME": str(self.temporary),
            "RUNNER_TEMP": str(self.temporary),
            "GITHUB_ACTION_PATH": str(FOLDER),
            "GITHUB_OUTPUT": str(self._files["output"]),
            "GITHUB_PATH": str(self._files["path"]),
            "GITHUB_STEP_SUMMARY": str(self._files["summary"]),
            **{name: _filled(value, values) for name, value in step.get("env", {}).items()},
        }
        return subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", str(script)],
            cwd=self.checkout,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )


def _filled(text: str, values: Mapping[str, str]) -> str:
    """The text with the values of its expressions; what no step has given is empty."""
    return _EXPRESSION.sub(lambda found: _value(found[1], values), text)


def _value(name: str, values: Mapping[str, str]) -> str:
    assert re.fullmatch(r"inputs\.[\w-]+|steps\.\w+\.outputs\.[\w-]+", name), f"unknown expression: {name}"
    if name.startswith("inputs."):
        return values[name]
    return values.get(name, "")


def _holds(condition: str, values: Mapping[str, str], *, is_failed: bool) -> bool:
    parts = condition.split(" && ")
    if "always()" not in parts and is_failed:
        return False
    for part in parts:
        if part in {"always()", "success()"}:
            continue
        found = _COMPARISON.fullmatch(part)
        assert found is not None, f"unknown condition: {part}"
        if (_value(found[1], values) == found[3]) != (found[2] == "=="):
            return False
    return True


def _pairs(text: str) -> dict[str, str]:
    return dict(line.split("=", 1) for line in text.splitlines())
