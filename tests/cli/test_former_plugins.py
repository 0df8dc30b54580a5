"""Why a build with plugins makes tensors: the plugins of the recipe that made the output are asked."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from mergec.lock.file_stamp import FileStamp
from tests.conftest import write_checkpoint

if TYPE_CHECKING:
    from collections.abc import Callable

    from click.testing import Result

PLUGIN = Path(__file__).parents[1] / "plugins" / "clipped.py"
RUNS = "from pathlib import Path\n\nPath({!r}).touch()\n"


@pytest.fixture(autouse=True)
def _settled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FileStamp, "is_settled", lambda _stamp, _now: True)


@pytest.fixture
def folder(tmp_path: Path, mergec_command: Callable[..., Result]) -> Path:
    """A recipe with a plugin that was built, and then edited."""
    write_checkpoint(tmp_path / "base.safetensors", {"w": np.array([3, 4], np.float32)})
    write_checkpoint(tmp_path / "tuned.safetensors", {"w": np.array([3, 14], np.float32)})
    shutil.copy(PLUGIN, tmp_path)
    write(tmp_path, 0.5)
    assert mergec_command("build", tmp_path / "recipe.yaml", "--allow-plugins").exit_code == 0
    return tmp_path


def write(folder: Path, limit: float, plugin: str = "clipped.py") -> None:
    document = {
        "mergec": 1,
        "plugins": [plugin],
        "sources": {name: f"{name}.safetensors" for name in ("base", "tuned")},
        "models": {"merged": {"op": "clipped", "base": "base", "inputs": ["tuned"], "limit": limit}},
        "output": {"model": "merged", "path": "out"},
    }
    (folder / "recipe.yaml").write_text(json.dumps(document))


@pytest.mark.parametrize("command", ["plan", "build"])
@pytest.mark.parametrize("is_absolute", [False, True])
def test_the_reason_is_told(
    folder: Path, mergec_command: Callable[..., Result], command: str, *, is_absolute: bool
) -> None:
    write(folder, 0.6, str(folder / "clipped.py") if is_absolute else "clipped.py")
    result = mergec_command(command, folder / "recipe.yaml", "--allow-plugins", "--json")
    assert result.exit_code == 0
    why = [one["why"] for one in json.loads(result.stdout)["reuse"]["made"]]
    assert why == ["recipe: merged.limit: `0.5` -> `0.6`"]


@pytest.mark.parametrize("command", ["plan", "build"])
def test_no_other_file_is_run_than_those_of_the_recipe(
    folder: Path, mergec_command: Callable[..., Result], command: str
) -> None:
    ran = folder / "ran"
    (folder / "other.py").write_text(RUNS.format(str(ran)) + PLUGIN.read_text())
    built = folder / "out" / "recipe.yaml"
    built.write_text(built.read_text().replace("clipped.py", "other.py"))
    write(folder, 0.6)
    options = ["--allow-plugins", "--json", *(["--force"] if command == "build" else [])]
    result = mergec_command(command, folder / "recipe.yaml", *options)
    assert result.exit_code == 0
    assert not ran.exists()
