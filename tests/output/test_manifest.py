"""What the manifest of an output directory tells, and what is made of a bad one."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from blake3 import blake3

import mergec
from mergec.output import manifest as manifest_module
from mergec.output.manifest import foreign_files, read_manifest
from tests.conftest import read_checkpoint

if TYPE_CHECKING:
    from tests.conftest import Workbench

NAME = "mergec.manifest.json"
HALVES = "0.5 * a + 0.5 * b"
STRANGE = 'a "b"\nc\u00e9'


@pytest.fixture(autouse=True)
def _sources(bench: Workbench) -> None:
    rng = np.random.default_rng(0)
    for name in "ab":
        tensors = {f"h.{i}.w": rng.standard_normal((9, 70 * i + 1)) for i in range(5)}
        bench.source(name, {**tensors, "ids": np.arange(7), STRANGE: np.ones(3, np.float32)})


def manifest(bench: Workbench, **output: Any) -> dict[str, Any]:
    bench.recipe(HALVES, **output).build(workers=1)
    found: dict[str, Any] = json.loads((bench.out / NAME).read_text("ascii"))
    return found


def test_tells_of_every_tensor_and_file(bench: Workbench) -> None:
    found = manifest(bench, max_shard_size=3000)
    assert found["format_version"] == "2.0"
    assert found["numerics"] >= 1
    files = {path.name: path.stat().st_size for path in bench.out.iterdir() if path.name != NAME}
    assert found["files"] == files
    assert list(found["files"]) == sorted(files)
    written = read_checkpoint(bench.out)
    assert list(found["tensors"]) == sorted(written)
    for name, tensor in found["tensors"].items():
        assert (tensor["dtype"], tuple(tensor["shape"])) == (written[name].code, written[name].shape)
        digest = blake3(blake3(written[name].data).digest()).hexdigest()  # all are of one chunk
        assert (tensor["class"], tensor["digest"]) == ("R0", digest)
        assert name in read_checkpoint(bench.out / tensor["file"])
        assert "finite" not in tensor


def test_the_root_is_of_the_tensors_alone(bench: Workbench) -> None:
    found = manifest(bench, max_shard_size=3000)
    lines = sorted(
        f"{json.dumps(name)} {tensor['dtype']} {tensor['shape']} {tensor['digest']}\n"
        for name, tensor in found["tensors"].items()
    )
    assert found["merkle"] == blake3("".join(lines).encode()).hexdigest()
    other = manifest(bench, max_shard_size=6000)
    assert other["merkle"] == found["merkle"]
    assert other["files"] != found["files"]


def test_tells_which_tensors_are_not_finite(bench: Workbench) -> None:
    for name, sign in (("a", 1), ("b", -1)):
        tensors = {"v": np.full(3, sign * np.inf, np.float32), "w": np.ones(3, np.float32)}
        bench.source(name, tensors)
    found = manifest(bench)["tensors"]
    assert found["v"]["finite"] is False
    assert "finite" not in found["w"]
    read = read_manifest(bench.out)
    assert read is not None
    assert {name: tensor.is_finite for name, tensor in read.tensors.items()} == {"v": False, "w": True}


def test_a_line_for_each_file_and_tensor(bench: Workbench) -> None:
    found = manifest(bench)
    lines = (bench.out / NAME).read_text().splitlines()
    told = sum(len(value) for value in found.values() if isinstance(value, dict))
    assert sum(line.startswith("  ") for line in lines) == told


def test_depends_on_nothing_but_the_output(bench: Workbench) -> None:
    made = []
    for number, (workers, memory) in enumerate([(1, "1GiB"), (3, "64MiB")]):
        out = bench.folder / str(number) / "out"
        bench.recipe(HALVES).build(workers=workers, memory=memory, out=out)
        made.append((out / NAME).read_text())
    assert made[0] == made[1]
    assert not re.search(re.escape(str(bench.folder)), made[0])


def test_of_an_older_mergec_still_tells_what_is_ours(bench: Workbench) -> None:
    found = manifest(bench)
    old = {"format_version": "1.0", "files": found["files"]}
    (bench.out / NAME).write_text(json.dumps(old, indent=2) + "\n")
    assert foreign_files(bench.out) == []
    assert read_manifest(bench.out) is None
    assert manifest(bench) == found
    (bench.out / NAME).write_text(json.dumps(old))
    (bench.out / "notes.txt").write_text("mine")
    with pytest.raises(mergec.MergecError) as caught:
        manifest(bench)
    assert [error.code for error in caught.value.errors] == ["MC0801"]


BAD = [
    "",
    "null",
    "[]",
    "3",
    "{",
    "[" * 200_000,
    '{"files": []}',
    '{"files": null}',
    '"\ud800"',
    "\x00" * 5000,
]


@pytest.mark.parametrize("text", BAD)
def test_a_bad_one_tells_nothing(bench: Workbench, text: str) -> None:
    manifest(bench)
    (bench.out / NAME).write_bytes(text.encode("utf-8", "surrogatepass"))
    assert foreign_files(bench.out) is None
    assert read_manifest(bench.out) is None


def test_one_that_is_too_large_tells_nothing(bench: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    manifest(bench)
    monkeypatch.setattr(manifest_module, "_LARGEST", 100)
    assert foreign_files(bench.out) is None


def test_one_that_somebody_edited_tells_nothing_of_tensors(bench: Workbench) -> None:
    manifest(bench)
    path = bench.out / NAME
    path.write_text(path.read_text().replace('"R0"', '"R1"', 1))
    assert read_manifest(bench.out) is None
    assert foreign_files(bench.out) == []
