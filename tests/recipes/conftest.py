"""The repository's recipes with the weights that they are for."""

from __future__ import annotations

import runpy
import shutil
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def copied(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The recipes with the weights that their scripts make, in a folder that may be written to."""
    folder = tmp_path_factory.mktemp("copied") / "recipes"
    shutil.copytree(ROOT / "recipes", folder, ignore=shutil.ignore_patterns("build", "weights"))
    for script in sorted(folder.glob("*/make_weights.py")):
        runpy.run_path(str(script), run_name="__main__")
    return folder
