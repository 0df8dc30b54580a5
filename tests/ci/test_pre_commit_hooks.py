"""The hooks that pre-commit finds in this repository."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mergec.cli.program import COMMANDS
from tests.ci.action import ROOT, read_document
from tests.conftest import write_checkpoint

HOOKS: list[dict[str, Any]] = read_document((ROOT / ".pre-commit-hooks.yaml").read_text())
BY_ID = {hook["id"]: hook for hook in HOOKS}
PROGRAM = [sys.executable, "-m", "mergec"]
GOOD = "mergec: 1\nsources: {a: a.safetensors}\noutput: {model: a, path: out}\n"


@pytest.mark.parametrize("hook", HOOKS, ids=lambda hook: hook["id"])
def test_a_hook_has_what_pre_commit_needs(hook: dict[str, Any]) -> None:
    known = {"id", "name", "description", "entry", "language", "files", "types"}
    assert known == hook.keys() - {"require_serial"}
    assert hook["language"] == "python"
    program, command, *_ = shlex.split(hook["entry"])
    assert program == "mergec"
    assert command in COMMANDS


@pytest.mark.parametrize("hook", HOOKS, ids=lambda hook: hook["id"])
def test_recipes_are_found_by_their_names(hook: dict[str, Any]) -> None:
    ours = sorted(str(path.relative_to(ROOT)) for path in ROOT.glob("recipes/*/recipe.yaml"))
    assert ours
    for name in [
        *ours,
        "recipe.yaml",
        "a/b/recipe.yml",
        "my-recipe.yaml",
        "a/my.recipe.yml",
        "my_recipe.yaml",
    ]:
        assert re.search(hook["files"], name), name
    for name in ["prerecipe.yaml", "recipe.yaml.bak", "recipe.lock", "recipe/notes.yaml", "recipes.yaml"]:
        assert not re.search(hook["files"], name), name


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with two sound recipes and a wrong one."""
    write_checkpoint(tmp_path / "a.safetensors", {"w": np.ones(3, np.float32)})
    for name in ("recipe.yaml", "my-recipe.yaml"):
        (tmp_path / name).write_text(GOOD)
    (tmp_path / "wrong-recipe.yaml").write_text(GOOD.replace("model: a", "model: b"))
    return tmp_path


def ended(hook: str, folder: Path, *files: str) -> subprocess.CompletedProcess[str]:
    """The hook, as pre-commit calls it: the entry with the files behind it."""
    programs = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    return subprocess.run(
        [*shlex.split(BY_ID[hook]["entry"]), *files],
        cwd=folder,
        env={**os.environ, "PATH": programs},
        capture_output=True,
        text=True,
        check=False,
    )


def test_check_passes_sound_recipes(folder: Path) -> None:
    done = ended("mergec-check", folder, "recipe.yaml", "my-recipe.yaml")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.count(": ok, ") == 2


def test_check_fails_for_a_wrong_recipe_among_others(folder: Path) -> None:
    done = ended("mergec-check", folder, "recipe.yaml", "wrong-recipe.yaml")
    assert done.returncode == 1
    assert " --> wrong-recipe.yaml:3:" in done.stderr


def test_locks_that_hold_pass(folder: Path) -> None:
    subprocess.run([*PROGRAM, "lock", "recipe.yaml", "my-recipe.yaml"], cwd=folder, check=True, text=True)
    done = ended("mergec-lock", folder, "recipe.yaml", "my-recipe.yaml")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.count(": ok, ") == 2


@pytest.mark.parametrize("name", ["a.safetensors", "my-recipe.yaml", "my-recipe.lock"])
def test_one_byte_fails_the_locks_that_it_is_in(folder: Path, name: str) -> None:
    subprocess.run([*PROGRAM, "lock", "recipe.yaml", "my-recipe.yaml"], cwd=folder, check=True, text=True)
    content = (folder / name).read_bytes()
    (folder / name).write_bytes(content[:-2] + b"9" + content[-1:])
    done = ended("mergec-lock", folder, "recipe.yaml", "my-recipe.yaml")
    assert done.returncode != 0
    assert done.stdout.count(": ok, ") == (0 if name == "a.safetensors" else 1)
    assert subprocess.run([*PROGRAM, "check", "recipe.yaml"], cwd=folder, check=False).returncode == 0
