"""The installed program, once for every way in which it can end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from mergec.diagnostics import ExitCode
from tests.errors.recipes import OPERATIONS, recipe_with, write_sources
from tests.errors.test_wrong_values import said

if TYPE_CHECKING:
    from pathlib import Path

PROGRAM = [sys.executable, "-m", "mergec"]
# A fault cannot be asked for: this is the program with one built in.
FAULTY = """
from mergec import pipeline
from mergec.cli import main

pipeline.compile_recipe = lambda *_, **__: 1 / 0
main()
"""
ARGUMENTS = {
    ExitCode.DONE: ["check", "recipe.yaml", "--quiet"],
    ExitCode.RECIPE: ["check", "recipe.yaml", "--set", "beta=1"],
    ExitCode.USAGE: ["check", "recipe.yaml", "--sett", "alpha=1"],
    ExitCode.LOCK: ["lock", "recipe.yaml", "--check"],
    ExitCode.SOURCE: ["check", "nowhere.yaml"],
    ExitCode.RESOURCES: ["build", "recipe.yaml", "--memory", "1MiB"],
}
# Commands that do not exist yet, and signals, which have tests of their own below.
ELSEWHERE = {
    ExitCode.VERIFICATION,
    ExitCode.INTERNAL,
    ExitCode.INTERRUPTED,
    ExitCode.TERMINATED,
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_sources(tmp_path)
    assert said(tmp_path, recipe_with("interpolate", OPERATIONS["interpolate"])) == ""
    return tmp_path


def ended(command: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=60)


def test_every_exit_code_is_here() -> None:
    assert ARGUMENTS.keys() | ELSEWHERE == set(ExitCode)


@pytest.mark.parametrize("code", ARGUMENTS)
def test_exit_code(code: ExitCode, folder: Path) -> None:
    end = ended([*PROGRAM, *ARGUMENTS[code]], folder)
    assert end.returncode == code
    assert bool(end.stdout) == (code is ExitCode.DONE)
    assert bool(end.stderr) == (code is not ExitCode.DONE)
    assert "Traceback" not in end.stderr
    assert not (folder / "out").exists()


def test_a_fault(folder: Path) -> None:
    end = ended([sys.executable, "-c", FAULTY, "check", "recipe.yaml"], folder)
    assert end.returncode == ExitCode.INTERNAL
    assert end.stderr.startswith(
        "error[MC0901]: a fault of mergec itself: ZeroDivisionError: division by zero\n"
    )
    assert "Traceback" not in end.stderr


@pytest.mark.parametrize(
    ("number", "code", "told"),
    [
        (signal.SIGINT, ExitCode.INTERRUPTED, "interrupted\n"),
        (signal.SIGTERM, ExitCode.TERMINATED, "terminated\n"),
    ],
)
def test_a_signal(number: signal.Signals, code: ExitCode, told: str, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "recipe.yaml")
    command = [*PROGRAM, "check", "recipe.yaml"]
    with subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True) as process:
        # Opening waits for the program to open its end; then it waits for us to write.
        with (tmp_path / "recipe.yaml").open("w"):
            process.send_signal(number)
            assert process.stderr is not None
            assert process.stderr.read() == told
        assert process.wait(60) == code
