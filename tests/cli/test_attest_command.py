from __future__ import annotations

import json
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from mergec.lock.file_stamp import FileStamp
from tests.conftest import tree
from tests.provenance.test_statement import check_statement

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from click.testing import Result

    from tests.conftest import Workbench

SUM = "0.5 * a + 0.5 * b"


@pytest.fixture
def folder(bench: Workbench) -> Path:
    for name in "ab":
        bench.folder_source(name, {"w": np.full(3, ord(name), np.float32)}, config__json="{}")
    bench.recipe(SUM).build()
    return bench.folder


def statement_of(result: Result) -> dict[str, Any]:
    assert (result.exit_code, result.stderr) == (0, "")
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def test_of_a_recipe(mergec_command: Callable[..., Result], folder: Path) -> None:
    found = statement_of(mergec_command("attest", folder / "recipe.yaml"))
    check_statement(found)
    expected = {name: sha256(content).hexdigest() for name, content in tree(folder / "out").items()}
    manifest = expected.pop("mergec.manifest.json")
    assert {one["name"]: one["digest"]["sha256"] for one in found["subject"]} == expected
    definition = found["predicate"]["buildDefinition"]
    files = {one["name"]: one["digest"]["sha256"] for one in definition["resolvedDependencies"]}
    assert files == {
        name: sha256((folder / name).read_bytes()).hexdigest()
        for name in ("a/model.safetensors", "b/model.safetensors", "a/config.json")
    }
    lock = sha256((folder / "recipe.lock").read_bytes()).hexdigest()
    byproducts = found["predicate"]["runDetails"]["byproducts"]
    assert [one["digest"]["sha256"] for one in byproducts] == [lock, manifest]


def test_the_same_text_each_time_and_everywhere(
    mergec_command: Callable[..., Result], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = mergec_command("attest", folder / "recipe.yaml").stdout
    assert str(folder) not in first
    monkeypatch.setattr(FileStamp, "is_settled", lambda _stamp, _now: True)
    for _ in range(2):  # digests are computed, then taken from the cache
        assert mergec_command("attest", folder / "recipe.yaml").stdout == first
    (folder / "out").rename(folder / "moved")
    moved = mergec_command("attest", folder / "moved", "--lock", folder / "recipe.lock")
    assert moved.stdout == first


def test_into_a_file(mergec_command: Callable[..., Result], folder: Path) -> None:
    path = folder / "statement.json"
    text = mergec_command("attest", folder / "recipe.yaml").stdout
    result = mergec_command("attest", folder / "recipe.yaml", "--out", path)
    assert (result.exit_code, result.stdout) == (0, f"{path}: 4 files attested\n")
    assert path.read_text() == text
    assert sorted(p.name for p in folder.iterdir() if "statement" in p.name) == ["statement.json"]


def test_a_single_file(mergec_command: Callable[..., Result], bench: Workbench) -> None:
    bench.source("a", {"w": np.ones(3, np.float32)})
    bench.recipe("a", path="made.safetensors").build()
    found = statement_of(mergec_command("attest", bench.folder / "recipe.yaml"))
    check_statement(found)
    digest = sha256((bench.folder / "made.safetensors").read_bytes()).hexdigest()
    assert found["subject"] == [{"name": "made.safetensors", "digest": {"sha256": digest}}]
    assert len(found["predicate"]["runDetails"]["byproducts"]) == 1


def test_who_built_it(mergec_command: Callable[..., Result], folder: Path) -> None:
    builder = "https://ci.example/runner"
    found = statement_of(mergec_command("attest", folder / "recipe.yaml", "--builder", builder))
    assert found["predicate"]["runDetails"]["builder"]["id"] == builder


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["recipe.yaml", "--builder", "me"], "expected a URI, found `me`"),
        (["recipe.yaml", "--builder", "https://a b"], "expected a URI"),
        (["recipe.yaml", "--lock", "recipe.lock"], "--lock goes with an output"),
        (["out"], "name its lock with --lock"),
    ],
)
def test_usage(
    mergec_command: Callable[..., Result],
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    text: str,
) -> None:
    monkeypatch.chdir(folder)
    result = mergec_command("attest", *arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert text in " ".join(result.stderr.split())


@pytest.mark.parametrize("file", ["model.safetensors", "config.json", "README.md", "mergec.manifest.json"])
def test_nothing_is_attested_that_was_changed(
    mergec_command: Callable[..., Result], folder: Path, file: str
) -> None:
    path = folder / "out" / file
    content = path.read_bytes()
    path.write_bytes(content[:-2] + bytes([content[-2] ^ 1]) + content[-1:])
    result = mergec_command("attest", folder / "recipe.yaml", "--out", folder / "statement.json")
    assert (result.exit_code, result.stdout) == (4, "")
    assert not (folder / "statement.json").exists()


def test_an_output_of_another_state(
    mergec_command: Callable[..., Result], bench: Workbench, folder: Path
) -> None:
    lock = (folder / "recipe.lock").read_bytes()
    bench.recipe("0.25 * a + 0.75 * b").build()
    (folder / "recipe.lock").write_bytes(lock)
    result = mergec_command("attest", folder / "recipe.yaml")
    assert (result.exit_code, result.stdout) == (4, "")
    assert "error[MC0888]" in result.stderr


def test_what_was_never_built(mergec_command: Callable[..., Result], bench: Workbench) -> None:
    bench.source("a", {"w": np.ones(3, np.float32)})
    bench.recipe("a")
    assert mergec_command("attest", bench.folder / "recipe.yaml").exit_code == 3
    mergec_command("lock", bench.folder / "recipe.yaml")
    assert mergec_command("attest", bench.folder / "recipe.yaml").exit_code in {3, 4}
