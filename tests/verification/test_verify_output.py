"""Outputs as they are written, and damaged in every way that an output can be."""

from __future__ import annotations

import json
import os
import shutil
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import mergec
from mergec.pipeline import Options
from mergec.verification.verify_output import Request, verify_output
from tests.conftest import tree
from tests.lock.locking import locked
from tests.verification.outputs import (
    MANIFEST,
    SHARDS,
    built,
    codes,
    edit_manifest,
    flip,
    lock_with_output,
    root_of,
    verified,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from mergec.verification.verified import Verified
    from tests.conftest import Workbench


@pytest.fixture
def out(bench: Workbench) -> Path:
    return built(bench)


@pytest.fixture
def recipe(bench: Workbench) -> Path:
    return bench.folder / "recipe.yaml"


def names(found: Verified, kind: str) -> list[str]:
    return [one.name for one in found.findings if one.kind == kind]


def refused(path: Path, **keys: Any) -> list[str]:
    with pytest.raises(mergec.MergecError) as caught:
        verify_output(path, Request(**keys), Options(workers=1))
    return [one.code for one in caught.value.errors]


def test_as_it_was_written(out: Path) -> None:
    before = tree(out)
    found = verified(out)
    assert found.is_as_promised
    assert (found.tensors, found.hashed, found.rebuilt) == (5, 5, 0)
    assert found.nbytes == 3 * 300 * 1000 * 4 + 8
    assert found.witnesses == ("manifest",)
    assert found.merkle == root_of(json.loads((out / MANIFEST).read_text())["tensors"])
    assert tree(out) == before


def test_workers_do_not_matter(out: Path) -> None:
    results = [verify_output(out, Request(), Options(workers=workers)) for workers in (1, 4)]
    assert results[0] == results[1]


def test_through_a_link(out: Path, bench: Workbench) -> None:
    link = bench.folder / "link"
    link.symlink_to(out)
    assert verified(link).is_as_promised
    flip(out / SHARDS[1], -1)
    assert codes(verified(link)) == ["MC0887"]


@pytest.mark.parametrize("shard", SHARDS)
def test_any_byte_of_a_tensor_counts(out: Path, shard: str) -> None:
    header = 8 + int.from_bytes((out / shard).read_bytes()[:8], "little")
    size = (out / shard).stat().st_size
    for at in (header, (header + size) // 2, size - 1):
        flip(out / shard, at)
        found = verified(out)
        assert codes(found) == ["MC0887"]
        assert len(names(found, "bytes")) == 1
        assert shard in found.findings[0].problem
        flip(out / shard, at)
    assert verified(out).is_as_promised


def test_a_shard_that_was_cut(out: Path) -> None:
    path = out / SHARDS[1]
    path.write_bytes(path.read_bytes()[:-1000])
    found = verified(out)
    assert codes(found) == ["MC0885"]
    assert names(found, "file") == [SHARDS[1]]
    assert "were written" in found.findings[0].problem


def test_a_shard_of_other_bytes_and_the_same_size(out: Path) -> None:
    path = out / SHARDS[1]
    path.write_bytes(bytes(path.stat().st_size))
    found = verified(out)
    assert codes(found) == ["MC0885"]
    assert "no valid safetensors file" in found.findings[0].problem


def test_files_that_are_gone_or_new(out: Path) -> None:
    (out / SHARDS[0]).unlink()
    (out / "config.json").unlink()
    (out / "config.json").mkdir()
    (out / "notes.txt").write_text("mine")
    found = verified(out)
    assert {one.name: one.problem for one in found.findings} == {
        SHARDS[0]: "is missing",
        "config.json": "is no file",
        "notes.txt": "was not written by mergec",
    }
    assert found.diagnostics[0].message == "the file `config.json` is no file; 2 more differ"


def test_tensors_that_swapped_their_names(out: Path) -> None:
    path = out / SHARDS[0]
    content = path.read_bytes()
    assert b'"l.0.w"' in content
    path.write_bytes(content.replace(b'"l.0.w"', b'"l.9.w"'))
    found = verified(out)
    assert codes(found) == ["MC0885", "MC0886"]
    assert names(found, "tensor") == ["l.0.w", "l.9.w"]
    assert names(found, "file") == ["model.safetensors.index.json"]


def test_a_dtype_that_was_declared_otherwise(out: Path) -> None:
    path = out / SHARDS[0]
    path.write_bytes(path.read_bytes().replace(b'"F32"', b'"I32"', 1))
    found = verified(out)
    assert "MC0886" in codes(found)
    assert any("I32" in one.problem and "F32" in one.problem for one in found.findings)


def test_the_mark_is_gone(out: Path) -> None:
    path = out / SHARDS[0]
    path.write_bytes(path.read_bytes().replace(b'"mergec":"1"', b'"nergec":"1"', 1))
    assert codes(verified(out)) == ["MC0885"]


def test_an_index_that_names_other_files(out: Path) -> None:
    path = out / "model.safetensors.index.json"
    text = path.read_text()
    path.write_text(text.replace(f'"l.0.w": "{SHARDS[0]}"', f'"l.0.w": "{SHARDS[1]}"'))
    assert path.read_text() != text
    found = verified(out)
    assert names(found, "file") == ["model.safetensors.index.json"]


def _digest(document: dict[str, Any]) -> None:
    document["tensors"]["l.1.w"]["digest"] = "0" * 64


def _name(document: dict[str, Any]) -> None:
    document["tensors"]["extra"] = dict(document["tensors"]["l.1.w"])


def _file(document: dict[str, Any]) -> None:
    document["files"]["../recipe.yaml"] = 10


def _size(document: dict[str, Any]) -> None:
    document["files"]["config.json"] = 10**400


def _shape(document: dict[str, Any]) -> None:
    document["tensors"]["l.1.w"]["shape"] = [10**400]


def _dtype(document: dict[str, Any]) -> None:
    document["tensors"]["l.1.w"]["dtype"] = "F1"


def _elsewhere(document: dict[str, Any]) -> None:
    document["tensors"]["l.1.w"]["file"] = "/etc/passwd"


EDITS: list[tuple[Callable[[dict[str, Any]], None], list[str]]] = [
    (_digest, ["MC0887"]),
    (_name, ["MC0886"]),
    (_size, ["MC0885"]),
    (_shape, ["MC0886"]),
]


@pytest.mark.parametrize("edit", [_digest, _name, _file, _size, _shape, _dtype, _elsewhere])
def test_a_manifest_that_was_edited(out: Path, edit: Callable[[dict[str, Any]], None]) -> None:
    edit_manifest(out, edit, is_sealed=False)
    assert refused(out) == ["MC0882"]


@pytest.mark.parametrize(("edit", "expected"), EDITS)
def test_a_manifest_that_was_edited_well(
    out: Path, edit: Callable[[dict[str, Any]], None], expected: list[str]
) -> None:
    edit_manifest(out, edit, is_sealed=True)
    assert codes(verified(out)) == expected


@pytest.mark.parametrize("edit", [_file, _dtype, _elsewhere])
def test_a_manifest_that_was_edited_well_and_makes_no_sense(
    out: Path, edit: Callable[[dict[str, Any]], None]
) -> None:
    edit_manifest(out, edit, is_sealed=True)
    assert refused(out) == ["MC0882"]


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "null", '{"format_version": "2.0"}', '{"files": {}}', "[" * 100_000, "1" * 5000, "\0"],
)
def test_a_manifest_that_is_none(out: Path, text: str) -> None:
    (out / MANIFEST).write_text(text)
    assert refused(out) == ["MC0882"]


def test_a_newer_manifest(out: Path) -> None:
    (out / MANIFEST).write_text('{"format_version": "3.0", "files": {}}')
    assert refused(out) == ["MC0883"]


def test_an_older_manifest_tells_of_files(out: Path) -> None:
    files = json.loads((out / MANIFEST).read_text())["files"]
    (out / MANIFEST).write_text(json.dumps({"format_version": "1.0", "files": files}))
    found = verified(out)
    assert found.is_as_promised
    assert codes(found) == ["MC0884"]
    flip(out / SHARDS[0], -1)
    assert verified(out).is_as_promised
    (out / SHARDS[0]).unlink()
    assert codes(verified(out)) == ["MC0884", "MC0885"]


def test_what_is_no_output(bench: Workbench, out: Path) -> None:
    assert refused(bench.folder / "nowhere") == ["MC0880"]
    assert refused(bench.folder / "a\0b") == ["MC0880"]
    assert refused(bench.folder) == ["MC0881"]
    assert refused(bench.folder / "a" / "model.safetensors") == ["MC0881"]
    assert refused(out / SHARDS[0]) == ["MC0890"]
    (bench.folder / "loop").symlink_to("loop")
    assert refused(bench.folder / "loop") == ["MC0880"]


def test_the_lock_agrees(out: Path, recipe: Path) -> None:
    lock_with_output(recipe, out)
    found = verified(out, recipe=recipe)
    assert found.is_as_promised
    assert found.witnesses == ("manifest", "lock")
    assert verified(out, lock=recipe.with_suffix(".lock")) == found


def test_the_lock_finds_out_who_edits_well(out: Path, recipe: Path) -> None:
    lock_with_output(recipe, out)
    flip(out / SHARDS[0], -1)
    found = verified(out)
    (changed,) = names(found, "bytes")
    digests = {one.name: one.problem for one in found.findings}
    assert changed in digests

    def hide(document: dict[str, Any]) -> None:
        from mergec.output.tensor_digests import digest_of
        from tests.conftest import read_file

        data = read_file(out / SHARDS[0])[changed].data

        def read(at: int, part: memoryview) -> None:
            part[:] = data[at : at + len(part)]

        document["tensors"][changed]["digest"] = digest_of(len(data), read)

    edit_manifest(out, hide, is_sealed=True)
    assert verified(out).is_as_promised
    found = verified(out, recipe=recipe)
    assert codes(found) == ["MC0888"]
    assert found.diagnostics[0].notes == ("its manifest is another one",)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"merkle": "0" * 64}, "its tensors have another Merkle root"),
        ({"manifest": "0" * 64}, "its manifest is another one"),
        ({"files": {"model.safetensors": 3}}, "`model.safetensors` is missing"),
        ({"files": {SHARDS[0]: 3}}, f"`{SHARDS[0]}` has"),
    ],
)
def test_the_lock_of_another_output(out: Path, recipe: Path, changes: dict[str, Any], told: str) -> None:
    lock_with_output(recipe, out, **changes)
    found = verified(out, recipe=recipe)
    assert codes(found) == ["MC0888"]
    assert told in found.diagnostics[0].message


def test_side_files_are_those_of_the_lock(out: Path, recipe: Path) -> None:
    lock_with_output(recipe, out)
    other = (out / "vocab.txt").read_text().upper()
    (out / "vocab.txt").write_text(other)
    digest = sha256(other.encode()).hexdigest()
    edit_manifest(out, lambda manifest: manifest["side_files"].update({"vocab.txt": digest}), is_sealed=True)
    found = verified(out, recipe=recipe)
    assert codes(found) == ["MC0888"]
    assert found.diagnostics[0].notes == ("`vocab.txt` is not the file of `a`",)


@pytest.mark.parametrize("name", ["config.json", "vocab.txt", "model.safetensors.index.json"])
def test_any_byte_of_another_file_counts(out: Path, name: str) -> None:
    flip(out / name, 5)
    found = verified(out)
    assert codes(found) == ["MC0885"]
    assert found.findings == (("file", name, "does not hold what was written"),)


def test_a_pipe_in_the_place_of_a_file(out: Path) -> None:
    pipes = ["config.json", SHARDS[0], "model.safetensors.index.json"]
    for name in pipes:
        (out / name).unlink()
        os.mkfifo(out / name)
    found = verified(out)
    assert sorted(names(found, "file")) == sorted(pipes)
    assert {one.problem for one in found.findings if one.kind == "file"} == {"is no file"}
    (out / MANIFEST).unlink()
    os.mkfifo(out / MANIFEST)
    assert refused(out) == ["MC0881"]


def test_locks_that_say_too_little(out: Path, recipe: Path) -> None:
    assert refused(out, recipe=recipe) == ["MC0850"]
    locked(recipe)
    assert refused(out, recipe=recipe) == ["MC0889"]
    recipe.with_suffix(".lock").write_text("lock: {schema: 9}")
    assert refused(out, recipe=recipe) == ["MC0852"]


def test_the_lock_that_a_build_writes(bench: Workbench, recipe: Path) -> None:
    out = built(bench)
    mergec.load(recipe).build(fresh=True)
    found = verified(out, recipe=recipe, rebuild=True)
    assert (found.is_as_promised, found.witnesses) == (True, ("manifest", "lock", "recipe"))
    single = mergec.load(recipe).build(out=recipe.parent / "one.safetensors").path
    assert codes(verified(single.rename(recipe.parent / "two.safetensors"), recipe=recipe)) == []
    flip(recipe.parent / "two.safetensors", -1)
    assert codes(verified(recipe.parent / "two.safetensors", recipe=recipe)) == ["MC0888"]


def test_other_parameters_have_no_lock(bench: Workbench) -> None:
    out = built(bench)
    recipe = bench.folder / "recipe.yaml"
    text = recipe.read_text().replace('"mergec": 1', '"mergec": 1, "params": {"t": 0.5, "u": 0.5}')
    recipe.write_text(text.replace('"a": 0.5', '"a": "${u}"').replace('"b": 0.5', '"b": "${t}"'))
    mergec.load(recipe).build(fresh=True)
    other = mergec.load(recipe, params={"t": 0.25, "u": 0.75}).build(out=bench.folder / "other").path
    assert verified(out, recipe=recipe, rebuild=True).is_as_promised
    found = verified(other, recipe=recipe, rebuild=True, overrides={"t": "0.25", "u": "0.75"})
    assert found.witnesses == ("manifest", "recipe")
    assert found.is_as_promised
    assert codes(verified(out, recipe=recipe, rebuild=True, overrides={"t": "0.25", "u": "0.75"})) == [
        "MC0892"
    ]


def test_all_again(out: Path, recipe: Path) -> None:
    before = tree(recipe.parent)
    found = verified(out, recipe=recipe, rebuild=True)
    assert found.is_as_promised
    assert (found.hashed, found.rebuilt) == (5, 5)
    assert found.witnesses == ("manifest", "recipe")
    assert tree(recipe.parent) == before, "nothing is written"


def test_a_sample_reads_the_sample(out: Path, recipe: Path) -> None:
    found = verified(out, recipe=recipe, sample=2, seed=3)
    assert (found.hashed, found.rebuilt, found.merkle) == (2, 2, None)
    assert verified(out, recipe=recipe, sample=99).rebuilt == 5


def test_a_sample_is_chosen_by_its_seed(out: Path, recipe: Path) -> None:
    for shard in SHARDS:
        flip(out / shard, -1)
    damaged = set(names(verified(out), "bytes"))
    assert len(damaged) == 3
    seen = [tuple(names(verified(out, recipe=recipe, sample=1, seed=seed), "rebuilt")) for seed in range(8)]
    assert {name for found in seen for name in found} <= damaged
    assert len(set(seen)) > 1
    again = [tuple(names(verified(out, recipe=recipe, sample=1, seed=seed), "rebuilt")) for seed in range(8)]
    assert again == seen


def test_the_first_chunk_that_differs(out: Path, recipe: Path) -> None:
    document = json.loads((out / MANIFEST).read_text())
    shard = document["tensors"]["l.1.w"]["file"]
    content = (out / shard).read_bytes()
    header = 8 + int.from_bytes(content[:8], "little")
    begin, _ = json.loads(content[8:header])["l.1.w"]["data_offsets"]
    at = (1 << 20) + 77
    flip(out / shard, header + begin + at)
    found = verified(out, recipe=recipe, rebuild=True)
    assert codes(found) == ["MC0887", "MC0892"]
    start = header + begin + (1 << 20)
    stop = header + begin + 300 * 1000 * 4
    expected = f"differs first at its byte {at:,}, in bytes {start:,} to {stop:,} of {shard}"
    assert found.findings[-1] == ("rebuilt", "l.1.w", expected)


@pytest.mark.parametrize("workers", [1, 3])
def test_memory_and_workers_do_not_matter(out: Path, recipe: Path, workers: int) -> None:
    options = Options(memory=64 << 20, workers=workers)
    assert verify_output(out, Request(recipe, rebuild=True), options).is_as_promised


def test_another_weight_in_the_recipe_gives_other_bytes(out: Path, recipe: Path) -> None:
    recipe.write_text(recipe.read_text().replace('"b": 0.5', '"b": 1.5').replace('"a": 0.5', '"a": -0.5'))
    found = verified(out, recipe=recipe, rebuild=True)
    assert codes(found) == ["MC0892"]
    assert len(names(found, "rebuilt")) == 3
    assert found.diagnostics[0].message == "`l.0.w` and 2 more: the recipe gives other bytes"


@pytest.mark.parametrize("at", [-1, -100])  # an integer tensor, which must be equal, and a float
def test_a_stale_lock_tells_why(out: Path, recipe: Path, at: int) -> None:
    lock_with_output(recipe, out)
    assert verified(out, recipe=recipe, rebuild=True).witnesses == ("manifest", "lock", "recipe")
    flip(recipe.parent / "b" / "model.safetensors", at)
    assert refused(out, recipe=recipe, rebuild=True) == ["MC0855"]
    assert refused(out, recipe=recipe, sample=5) == ["MC0855"]


def test_sources_that_are_gone(out: Path, recipe: Path) -> None:
    shutil.rmtree(recipe.parent / "b")
    assert verified(out).is_as_promised
    with pytest.raises(mergec.MergecError) as caught:
        verified(out, recipe=recipe, sample=1)
    assert caught.value.exit_code == 5


def test_the_recipe_of_another_output(out: Path, recipe: Path, bench: Workbench) -> None:
    bench.sources.clear()
    bench.source("c", {"x": np.zeros(3, np.float32)})
    bench.recipe("c")
    assert refused(out, recipe=recipe, sample=1) == ["MC0891"]


def test_a_single_file(bench: Workbench) -> None:
    bench.source("a", {"x": np.arange(6, dtype=np.float32), "n": np.array([1], np.int64)})
    out = bench.recipe({"op": "linear", "inputs": {"a": 1}}, path="one.safetensors").build().path
    recipe = bench.folder / "recipe.yaml"
    recipe.with_suffix(".lock").unlink()
    assert verified(out, recipe=recipe, rebuild=True).witnesses == ("recipe",)
    found = verified(out, recipe=recipe, sample=1)
    assert (found.tensors, found.rebuilt) == (2, 1)
    flip(out, -1)
    assert codes(verified(out, recipe=recipe, rebuild=True)) == ["MC0892"]


def test_another_division_into_files_is_no_other_output(bench: Workbench) -> None:
    out = built(bench)
    recipe = bench.folder / "recipe.yaml"
    recipe.write_text(recipe.read_text().replace("1300KB", "5GB"))
    assert verified(out, recipe=recipe, rebuild=True).is_as_promised
