"""Every method that promises bytes gives the same ones, and the same manifest, wherever it is built."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pytest

from mergec.methods.registry import method_names
from mergec.methods.worked_example import tensors_of
from tests.conftest import Workbench, write_checkpoint
from tests.methods.test_conformance import example_of, larger, use_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tests.conftest import Array

ROOT = Path(__file__).resolve().parents[2]
# Another interpreter with mergec and the same torch, such as that of a fresh virtual environment.
OTHER_PYTHON = os.environ.get("MERGEC_OTHER_PYTHON", sys.executable)
TENSORS = ("", ".10", ".9")
ELEMENTS = 10_000
SMALL_SHARD = 50_000


class Environment(NamedTuple):
    """Where builds are run. `files` says in which order those of the sources are made."""

    workers: int
    memory: str
    variables: Mapping[str, str]
    files: int = 1
    shard: int | None = None
    umask: int = 0o022
    python: str = sys.executable

    @property
    def is_reversed(self) -> bool:
        """Whether folders are listed in the opposite order."""
        return self.files < 0


ENVIRONMENTS = {
    "one worker": Environment(1, "4GiB", {"PYTHONHASHSEED": "0"}),
    "elsewhere": Environment(
        workers=2,
        memory="64MiB",
        variables={
            "PYTHONHASHSEED": "1",
            "LC_ALL": "tr_TR.UTF-8",
            "TZ": "Asia/Kathmandu",
            "COLUMNS": "40",
            "PYTHONUTF8": "0",
        },
        files=-1,
        umask=0o077,
        python=OTHER_PYTHON,
    ),
    "four workers": Environment(4, "256MiB", {"PYTHONHASHSEED": "2", "LC_ALL": "C"}),
    "other shards": Environment(2, "1GiB", {"PYTHONHASHSEED": "random"}, shard=SMALL_SHARD),
}


def sharded(folder: Path, tensors: Mapping[str, Array], order: int) -> None:
    """A checkpoint of a file for each tensor, made in this order."""
    names = sorted(tensors)
    files = {name: f"model-{i + 1:05d}-of-{len(names):05d}.safetensors" for i, name in enumerate(names)}
    folder.mkdir(parents=True)
    contents: list[tuple[str, Any]] = [("config.json", {}), ("tokenizer.json", {"b": 1, "a": 2})]
    contents.append(("model.safetensors.index.json", {"metadata": {}, "weight_map": files}))
    for name, content in contents[::order]:
        (folder / name).write_text(json.dumps(content))
    for name in names[::order]:
        write_checkpoint(folder / files[name], {name: tensors[name]})


def recipes(folder: Path, order: int, shard: int | None) -> dict[str, str]:
    """The recipe of every method's example, with larger tensors and more of them."""
    found = {}
    for method in method_names()[::order]:
        bench = Workbench(folder / method)
        make = larger(ELEMENTS)
        for model, values in example_of(method).tensors.items():
            written = {key: np.array(one, np.float32) for key, one in tensors_of(values).items()}
            tensors = {
                f"{key}{more}": make(model, f"{key}{more}", one)
                for key, one in written.items()
                for more in TENSORS
            }
            sharded(bench.folder / model, tensors, order)
            kind = "delta" if model in example_of(method).deltas else "weights"
            bench.sources[model] = {"path": model, "kind": kind}
        output = {} if shard is None else {"max_shard_size": shard}
        found[method] = str(use_of(method, bench, **output).path)
    return found


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Path, dict[str, dict[str, str]]]]:
    """By environment: the folder of the outputs, and the SHA-256 of every file of every method."""
    running: dict[str, tuple[Path, subprocess.Popen[str]]] = {}
    for name, one in ENVIRONMENTS.items():
        folder = tmp_path_factory.mktemp("environment")
        home = folder / "home"
        home.mkdir()
        document = {
            "recipes": recipes(folder / "recipes", one.files, one.shard),
            "out": str(folder / "out"),
            "workers": one.workers,
            "memory": one.memory,
            "reversed": one.is_reversed,
        }
        variables = {"HOME": str(home), "XDG_CACHE_HOME": str(home), "PYTHONPATH": str(ROOT), **one.variables}
        command = [one.python, str(Path(__file__).with_name("build_methods.py")), json.dumps(document)]
        process = subprocess.Popen(
            command,
            env={**os.environ, **variables},
            cwd=home,
            umask=one.umask,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        running[name] = folder / "out", process
    found = {}
    for name, (out, process) in running.items():
        told, problem = process.communicate()
        assert process.returncode == 0, problem
        found[name] = out, json.loads(told)
    return found


def manifests(out: Path) -> dict[str, Any]:
    return {
        method: json.loads((out / method / "mergec.manifest.json").read_text()) for method in method_names()
    }


def promised(methods: Sequence[str], manifest: Mapping[str, Any]) -> list[str]:
    """The methods of which every tensor is promised to the byte."""
    return [m for m in methods if all(t["class"] in {"R0", "R1"} for t in manifest[m]["tensors"].values())]


@pytest.mark.parametrize("name", ["elsewhere", "four workers"])
def test_outputs_and_manifests_are_the_same(name: str, made: Any) -> None:
    out, first = made["one worker"]
    named = promised(method_names(), manifests(out))
    assert len(named) > 0.9 * len(method_names())
    assert all("mergec.manifest.json" in first[method] for method in named)
    other = made[name][1]
    assert {method for method in named if other[method] != first[method]} == set()


def test_digests_of_tensors_do_not_depend_on_shards(made: Any) -> None:
    first, other = (manifests(made[name][0]) for name in ("one worker", "other shards"))
    for method in promised(method_names(), first):
        digests, again = (
            {name: (one["key"], one["digest"]) for name, one in found[method]["tensors"].items()}
            for found in (first, other)
        )
        assert again == digests, method
        assert other[method]["merkle"] == first[method]["merkle"], method
        assert len({one["file"] for one in other[method]["tensors"].values()}) > 1, method
