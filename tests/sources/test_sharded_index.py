from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest
from safetensors.numpy import save_file

from mergec.diagnostics import Report
from mergec.sources import open_checkpoint

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tests.sources.conftest import Open, ReadTensor, Refuse

INDEX = "model.safetensors.index.json"
ONE, TWO = "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"


def write_index(folder: Path, weight_map: Mapping[str, object]) -> Path:
    path = folder / INDEX
    path.write_text(json.dumps({"metadata": {"total_size": 1}, "weight_map": weight_map}))
    return path


@pytest.fixture
def sharded(tmp_path: Path) -> Path:
    """A checkpoint in two shards, and its index."""
    save_file({"b": np.arange(3.0), "unlisted": np.ones(1)}, tmp_path / ONE)
    save_file({"a": np.arange(5.0)}, tmp_path / TWO)
    write_index(tmp_path, {"a": TWO, "b": ONE})
    return tmp_path


def codes(path: Path) -> list[str]:
    report = Report()
    assert open_checkpoint(path, nest=None, span=None, report=report) is None
    return [found.code for found in report.diagnostics]


@pytest.mark.parametrize("named", ["", INDEX])
def test_the_listed_tensors_from_all_shards(
    sharded: Path, named: str, open_good: Open, read_tensor: ReadTensor
) -> None:
    checkpoint = open_good(sharded / named if named else sharded)
    assert [file.path.name for file in checkpoint.files] == [ONE, TWO]
    assert list(checkpoint.tensors) == ["a", "b"]
    assert checkpoint.tensors["a"].file == 1
    assert read_tensor(checkpoint, "a") == np.arange(5.0).tobytes()
    assert read_tensor(checkpoint, "b") == np.arange(3.0).tobytes()
    assert checkpoint.directory == (None if named else sharded)


def test_shards_in_a_subfolder(sharded: Path, open_good: Open) -> None:
    (sharded / "inner").mkdir()
    (sharded / ONE).rename(sharded / "inner" / ONE)
    write_index(sharded, {"a": TWO, "b": f"inner/{ONE}"})
    assert len(open_good(sharded).files) == 2


def test_shards_that_are_links_as_in_the_cache_of_the_hub(
    sharded: Path, tmp_path: Path, open_good: Open
) -> None:
    snapshot = tmp_path / "snapshots" / "main"
    snapshot.mkdir(parents=True)
    for name in (ONE, TWO, INDEX):
        (snapshot / name).symlink_to(sharded / name)
    assert sorted(open_good(snapshot).tensors) == ["a", "b"]


@pytest.mark.parametrize(
    "name",
    [
        "../secret.safetensors",
        "inner/../../secret.safetensors",
        "/etc/secret.safetensors",
        "C:secret.safetensors",
        "c:/secret.safetensors",
        "..\\secret.safetensors",
        "\\\\host\\share\\secret.safetensors",
        "secret\0.safetensors",
        "",
        ".",
        "./model.safetensors",
        "inner//model.safetensors",
        "inner/",
    ],
)
def test_names_that_may_leave_the_folder(sharded: Path, name: str, refuse: Refuse) -> None:
    (sharded.parent / "secret.safetensors").write_bytes(b"")
    write_index(sharded, {"a": TWO, "b": name})
    found = refuse(sharded, "MC0212")
    assert "do not use this index" in (found.help or "")


def test_a_missing_shard_and_a_broken_promise_are_reported_together(sharded: Path) -> None:
    write_index(sharded, {"a": TWO, "b": "gone.safetensors", "c": ONE, "d": ONE})
    assert codes(sharded) == ["MC0213", "MC0214"]


def test_a_tensor_that_its_shard_lacks(sharded: Path, refuse: Refuse) -> None:
    write_index(sharded, {"a": TWO, "unlist": ONE, "other": ONE})
    found = refuse(sharded, "MC0214")
    assert "nor 1 more" in found.message
    assert "`unlisted`" in (found.help or "")


def test_a_shard_that_is_a_link_to_nothing(sharded: Path, refuse: Refuse) -> None:
    (sharded / TWO).unlink()
    (sharded / TWO).symlink_to(sharded / "blob")
    assert TWO in refuse(sharded, "MC0213").message


def test_a_shard_that_is_a_directory(sharded: Path, refuse: Refuse) -> None:
    (sharded / TWO).unlink()
    (sharded / TWO).mkdir()
    assert "is a directory" in refuse(sharded, "MC0205").message


def test_all_damaged_shards_are_reported(sharded: Path) -> None:
    (sharded / ONE).write_bytes(b"")
    (sharded / TWO).write_bytes(b"\xff" * 9)
    assert codes(sharded) == ["MC0210", "MC0210"]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "does not begin with"),
        ("[]", "does not begin with"),
        ("{", "not JSON"),
        ("{}", "no `weight_map`"),
        ('{"weight_map": []}', "no `weight_map`"),
        ('{"weight_map": {"a": 1}}', "the file of `a` is not given as text"),
        ('{"weight_map": {"a": "x", "a": "y"}}', "the key `a` occurs twice"),
        ('{"weight_map": {}, "weight_map": {}}', "the key `weight_map` occurs twice"),
        ('{"weight_map":' * 100_000, "nests too deeply"),
        ('{"weight_map": {"\\ud800": "x"}}', "not Unicode"),
    ],
)
def test_malformed_indexes(sharded: Path, text: str, reason: str, refuse: Refuse) -> None:
    (sharded / INDEX).write_text(text)
    assert reason in refuse(sharded, "MC0211").message


def test_an_index_that_is_not_utf_8_or_far_too_long(sharded: Path, refuse: Refuse) -> None:
    (sharded / INDEX).write_bytes(b'{"\xff')
    assert "not UTF-8" in refuse(sharded, "MC0211").message
    with (sharded / INDEX).open("wb") as file:
        file.truncate(100_000_001)
    assert "100000001 bytes" in refuse(sharded, "MC0211").message


def test_an_index_without_tensors_is_an_empty_checkpoint(tmp_path: Path, open_good: Open) -> None:
    assert open_good(write_index(tmp_path, {})).tensors == {}
