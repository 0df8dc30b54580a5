"""A mistake and what mergec says to it: one folder of `cases`.

- `recipe.yaml`: the recipe
- `sources.json`: path of a safetensors file -> tensor -> {dtype, shape, value}; zeros without `value`
- `make.py`: `make(folder)` writes odd files, `patch(monkeypatch)` makes the system misbehave
- `args`: the command line, where it is not `check recipe.yaml`
- `stderr.txt`: the exit code, then all that the user sees
"""

from __future__ import annotations

import json
import re
import runpy
import shlex
import struct
import sys
from math import prod
from pathlib import Path
from platform import python_version
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pytest

import mergec
from mergec.cli import main

if TYPE_CHECKING:
    from collections.abc import Mapping

CASES = Path(__file__).parent / "cases"
RECIPE, SOURCES, MAKE, ARGS, GOLDEN = "recipe.yaml", "sources.json", "make.py", "args", "stderr.txt"
FILES = {RECIPE, SOURCES, MAKE, ARGS, GOLDEN}
# How many tensors are finished when a build is stopped depends on which worker is faster.
_KEPT = re.compile(r"^kept [0-9]+ of [0-9]+ tensors in .*\n", re.MULTILINE)
_NUMPY = {"F32": np.float32, "I64": np.int64, "BOOL": np.bool_}


class Ending(NamedTuple):
    """How a command ended: what it printed where."""

    exit_code: int
    stdout: str
    stderr: str

    @property
    def golden(self) -> str:
        """The text of a golden."""
        return f"exit {self.exit_code}\n{self.stderr}"


def run_case(
    name: str, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Ending:
    """Set a case up in an empty folder and run its command there, as the user would."""
    case = CASES / name
    if (case / RECIPE).exists():
        (folder / RECIPE).write_bytes((case / RECIPE).read_bytes())
    if (case / SOURCES).exists():
        for path, tensors in json.loads((case / SOURCES).read_text()).items():
            write_tensors(folder / path, tensors)
    arguments = shlex.split((case / ARGS).read_text()) if (case / ARGS).exists() else ["check", RECIPE]
    monkeypatch.chdir(folder)
    made: Mapping[str, Any] = runpy.run_path(str(case / MAKE)) if (case / MAKE).exists() else {}
    if "make" in made:
        made["make"](folder)
    before = _tree(folder)
    with monkeypatch.context() as patched:
        if "patch" in made:
            made["patch"](patched)
        ending = run(arguments, folder, patched, capsys)
    if ending.exit_code:
        assert ending.stdout == "", "what went wrong is told on stderr alone"
        assert _tree(folder) == before, "nothing is published"
    return ending


def run(
    arguments: list[str], folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Ending:
    """The program in this process, with what depends on the machine replaced in its text."""
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    monkeypatch.setenv("COLUMNS", "80")
    with pytest.raises(SystemExit) as ending:
        main(arguments)
    out, err = capsys.readouterr()
    assert isinstance(ending.value.code, int)
    return Ending(ending.value.code, _anywhere(out, folder), _KEPT.sub("", _anywhere(err, folder)))


def write_tensors(path: Path, tensors: Mapping[str, Mapping[str, Any]]) -> None:
    """A safetensors file, without any help of the program under test."""
    header: dict[str, object] = {}
    data: list[bytes] = []
    position = 0
    for name, tensor in tensors.items():
        data.append(_bytes(**tensor))
        offsets = [position, position := position + len(data[-1])]
        header[name] = {"dtype": tensor["dtype"], "shape": tensor["shape"], "data_offsets": offsets}
    text = json.dumps(header).encode()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(struct.pack("<Q", len(text)) + text + b"".join(data))


def _bytes(*, dtype: str, shape: list[int], value: float | None = None) -> bytes:
    if value is not None:
        return np.full(shape, value, _NUMPY[dtype]).tobytes()
    bits = re.search("[0-9]+", dtype)
    return bytes(prod(shape) * (int(bits[0]) if bits else 8) // 8)


def _tree(folder: Path) -> dict[str, bytes]:
    """What there is, without what a stopped build keeps and a case changes under the program's hands."""
    files = (path for path in folder.rglob("*") if not path.is_symlink() and path.is_file())
    passed_by = ("changing", ".partial")
    return {str(path): path.read_bytes() for path in files if not any(one in str(path) for one in passed_by)}


def _anywhere(text: str, folder: Path) -> str:
    text = text.replace(f"{folder}/", "").replace(str(folder), ".")
    text = text.replace(f"mergec {mergec.__version__}", "mergec VERSION")
    text = re.sub(r"[0-9.]+ ?MiB(?= of (memory|it) )|(?<=--memory )[0-9]+MiB(?=`)", "SIZE", text)
    text = re.sub(r", torch [0-9][^\s,]*", "", text)  # told where it has been loaded
    return text.replace(f"Python {python_version()} on {sys.platform}", "Python VERSION on PLATFORM")
