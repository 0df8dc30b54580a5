"""What holds for the package as a whole."""

from __future__ import annotations

import ast
import importlib
import inspect
import os
import pkgutil
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import mergec
from mergec.diagnostics import registered_diagnostics
from tests.conftest import write_checkpoint

ROOT = Path(mergec.__file__).parent
MODULES = sorted(ROOT.rglob("*.py"))
STAGES = ["recipe", "sources", "lower", "check", "optimise", "schedule", "execute", "output"]
SAYS_NOTHING = {"utils", "util", "common", "helpers", "helper", "misc", "tools", "core", "base", "shared"}


def relative(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize(("number", "stage"), list(enumerate(STAGES, 1)))
def test_a_stage_says_what_it_takes_and_gives(number: int, stage: str) -> None:
    doc = ast.get_docstring(ast.parse((ROOT / stage / "__init__.py").read_text())) or ""
    form = rf"Stage {number} of {len(STAGES)}: {stage}\. Takes: .+\. Gives: .+\. Errors: .+\."
    assert re.fullmatch(form, doc.splitlines()[0]), doc


@pytest.mark.parametrize("path", MODULES, ids=relative)
def test_a_module_has_one_idea(path: Path) -> None:
    assert path.stem not in SAYS_NOTHING
    assert len(path.read_text().splitlines()) <= 400


@pytest.mark.parametrize("path", MODULES, ids=relative)
def test_a_module_says_what_it_is_for(path: Path) -> None:
    text = path.read_text()
    assert not text or ast.get_docstring(ast.parse(text)), "no docstring"


def test_every_diagnostic_is_explained() -> None:
    for module in pkgutil.walk_packages([str(ROOT)], "mergec."):
        if module.name.endswith("errors"):
            importlib.import_module(module.name)
    found = registered_diagnostics()
    assert len(found) > 50
    for code, kind in found.items():
        doc = inspect.cleandoc(kind.__dict__.get("__doc__") or "")
        assert re.fullmatch(r"MC0[1-9][0-9]{2}", code)
        assert len(doc) > 30, code
        assert not doc.startswith(f"{kind.__name__}("), f"{code} has the docstring of its dataclass"


def test_every_diagnostic_is_given_somewhere() -> None:
    text = "".join(
        path.read_text() for path in MODULES if path.stem != "errors" and "errors" not in path.stem
    )
    names = {kind.__name__ for kind in registered_diagnostics().values()}
    assert sorted(name for name in names if not re.search(rf"\b{name}\(", text)) == []


def test_code_of_a_diagnostic_names_its_stage() -> None:
    ranges = {"recipe": "1", "sources": "2", "steps": "3", "check": "4", "schedule": "6", "execute": "7"}
    for code, kind in registered_diagnostics().items():
        package = kind.__module__.split(".")[1]
        if package in ranges:
            assert code[3] == ranges[package], (code, kind.__module__)


class TestImports:
    @pytest.fixture(params=["m: 0.5 * a + 0.5 * b", "m: {op: align, model: b, to: a, symmetry: mlp}"])
    def recipe(self, tmp_path: Path, request: pytest.FixtureRequest) -> Path:
        layers = {"0.weight": np.ones((3, 2), np.float32), "2.weight": np.ones((1, 3), np.float32)}
        for name in "ab":
            write_checkpoint(tmp_path / f"{name}.safetensors", layers)
        recipe = tmp_path / "recipe.yaml"
        recipe.write_text(
            "mergec: 1\n"
            "sources: {a: a.safetensors, b: b.safetensors}\n"
            f"models: {{{request.param}}}\n"
            "output: {model: m, path: out}\n"
        )
        return recipe

    @pytest.mark.parametrize(
        ("what", "forbidden"),
        [
            ("check()", ["torch", "numpy", "networkx", "safetensors"]),
            ("plan()", ["torch", "scipy", "networkx", "safetensors"]),
        ],
    )
    def test_headers_are_enough(self, recipe: Path, what: str, forbidden: list[str]) -> None:
        script = f"import sys, mergec; mergec.load(sys.argv[1]).{what}; print(*sys.modules)"
        environment = {**os.environ, "PYTHONPATH": str(ROOT.parent)}
        command = [sys.executable, "-c", script, str(recipe)]
        done = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
        assert set(forbidden).isdisjoint(done.stdout.split())

    def test_the_package_alone_imports_next_to_nothing(self) -> None:
        script = "import sys, mergec; print(*sys.modules)"
        environment = {**os.environ, "PYTHONPATH": str(ROOT.parent)}
        command = [sys.executable, "-c", script]
        done = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
        assert {"torch", "numpy", "pydantic", "yaml", "re2"}.isdisjoint(done.stdout.split())
