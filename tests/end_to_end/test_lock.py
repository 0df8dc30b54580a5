"""The lock of a recipe, from build to build."""

from __future__ import annotations

import os
import shutil
import time
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import mergec
from mergec.diagnostics import SourceText
from mergec.lock.file_stamp import stamp_of
from mergec.output import old_output, partial_output, shard_files
from mergec.output.shard_files import ShardFiles
from mergec.recipe.yaml_tree import plain, read_yaml
from tests.conftest import read_checkpoint, tree

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Workbench

HALVES = {"op": "linear", "inputs": {"a": 0.5, "b": 0.5}}


@pytest.fixture
def locked(bench: Workbench) -> Workbench:
    for seed, name in enumerate("ab"):
        rng = np.random.default_rng(seed)
        layers = {f"h.{i}.weight": rng.standard_normal((40, 30), np.float32) for i in range(6)}
        bench.source(name, {**layers, "embed.weight": rng.standard_normal((99, 30), np.float32)})
    return bench


def lock(bench: Workbench) -> Any:
    text = (bench.folder / "recipe.lock").read_text()
    return plain(read_yaml(SourceText("recipe.lock", text)))


def codes(caught: pytest.ExceptionInfo[mergec.MergecError]) -> list[str]:
    return [one.code for one in caught.value.errors]


class TestWritten:
    def test_a_build_writes_what_was_read_and_what_came_of_it(self, locked: Workbench) -> None:
        made = locked.recipe(HALVES).build()
        assert not made.warnings
        found = lock(locked)
        assert found["sources"].keys() == {"a", "b"}
        assert found["output"]["class"] == "R0"
        assert found["output"]["files"] == {
            "model.safetensors": (made.path / "model.safetensors").stat().st_size
        }
        mergec.load(locked.folder / "recipe.yaml").build(locked=True)

    def test_another_place_and_other_parameters_leave_it(self, locked: Workbench, tmp_path: Path) -> None:
        recipe = locked.recipe(HALVES)
        recipe.build(out=tmp_path / "elsewhere")
        assert not (locked.folder / "recipe.lock").exists()

    @pytest.mark.parametrize("text", ["not a lock", "lock: {schema: 99}\n"])
    def test_what_is_no_lock_of_ours_stays_with_a_warning(self, locked: Workbench, text: str) -> None:
        (locked.folder / "recipe.lock").write_text(text)
        made = locked.recipe(HALVES).build()
        assert [one.code for one in made.warnings] == ["MC0858"]
        assert made.path.exists()
        assert (locked.folder / "recipe.lock").read_text() == text

    def test_the_same_build_gives_the_same_lock(self, locked: Workbench) -> None:
        recipe = locked.recipe(HALVES, max_shard_size="8KB")
        recipe.build(workers=1)
        first = (locked.folder / "recipe.lock").read_bytes(), tree(locked.out)
        recipe.build(workers=3, memory="64MiB", fresh=True)
        assert ((locked.folder / "recipe.lock").read_bytes(), tree(locked.out)) == first


class TestHeld:
    def test_without_a_lock(self, locked: Workbench) -> None:
        with pytest.raises(mergec.MergecError) as caught:
            locked.recipe(HALVES).build(locked=True)
        assert codes(caught) == ["MC0850"]
        assert not locked.out.exists()

    def test_one_byte_of_a_source(self, locked: Workbench) -> None:
        locked.recipe(HALVES).build()
        before = tree(locked.out)
        source = locked.folder / "b.safetensors"
        data = bytearray(source.read_bytes())
        data[-1] ^= 1
        source.write_bytes(data)
        with pytest.raises(mergec.MergecError) as caught:
            locked.recipe(HALVES).build(locked=True)
        assert codes(caught) == ["MC0855"] * len(codes(caught))
        assert tree(locked.out) == before

    def test_one_weight_of_the_recipe(self, locked: Workbench) -> None:
        locked.recipe(HALVES).build()
        other = {"op": "linear", "inputs": {"a": 0.4, "b": 0.6}}
        with pytest.raises(mergec.MergecError) as caught:
            locked.recipe(other).build(locked=True)
        assert set(codes(caught)) == {"MC0855"}


class TestFilesBesideTheWeights:
    def test_one_that_changes_between_its_digest_and_its_copy(
        self, bench: Workbench, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        folder = bench.folder_source("a", {"w": np.ones(3, np.float32)}, tokenizer__json="{}")
        recipe = bench.recipe("a")
        recipe.build()
        before = tree(bench.out)
        copyfile = shutil.copyfile

        def changed(source: Path, target: Path) -> None:
            (folder / "tokenizer.json").write_text("[]")
            copyfile(source, target)

        (folder / "tokenizer.json").write_text("{ }")
        monkeypatch.setattr(shutil, "copyfile", changed)
        lock_before = (bench.folder / "recipe.lock").read_bytes()
        with pytest.raises(mergec.MergecError) as caught:
            recipe.build()
        assert codes(caught) == ["MC0204"]
        assert (tree(bench.out), (bench.folder / "recipe.lock").read_bytes()) == (before, lock_before)


class TestReuse:
    def kept(
        self, bench: Workbench, model: object, monkeypatch: pytest.MonkeyPatch, **output: object
    ) -> list[str]:
        """The tensors that a build does not compute."""
        found: set[str] = set()
        begin, finish = partial_output.PartialOutput.begin, partial_output.PartialOutput.await_copies

        def names(output: partial_output.PartialOutput, numbers: list[int]) -> set[str]:
            return {output._layout.tensors[number].name for number in numbers}

        def begun(self: partial_output.PartialOutput, *args: Any, **keys: Any) -> list[int]:
            numbers = begin(self, *args, **keys)
            found.update(names(self, numbers))
            return numbers

        def finished(self: partial_output.PartialOutput) -> list[int]:
            lost = finish(self)
            found.difference_update(names(self, lost))
            return lost

        monkeypatch.setattr(partial_output.PartialOutput, "begin", begun)
        monkeypatch.setattr(partial_output.PartialOutput, "await_copies", finished)
        bench.recipe(model, **output).build()
        return sorted(found)

    @pytest.mark.parametrize("size", ["1GB", "8KB"])
    def test_an_edit_of_one_block_computes_that_block(
        self, locked: Workbench, monkeypatch: pytest.MonkeyPatch, size: str
    ) -> None:
        locked.recipe(HALVES, max_shard_size=size).build()
        edited = {"op": "linear", "inputs": {"a": {"weight": {"h.2.**": 0.3, "**": 0.5}}, "b": "rest"}}
        kept = self.kept(locked, edited, monkeypatch, max_shard_size=size)
        assert kept == sorted({"embed.weight", *(f"h.{i}.weight" for i in range(6))} - {"h.2.weight"})
        reused = read_checkpoint(locked.out)
        locked.recipe(edited, max_shard_size=size).build(fresh=True)
        assert read_checkpoint(locked.out) == reused

    @pytest.mark.parametrize("size", ["1GB", "8KB"])
    def test_builds_that_change_nothing_do_not_read_what_is_there(
        self, locked: Workbench, monkeypatch: pytest.MonkeyPatch, size: str
    ) -> None:
        def read(*_: object) -> None:
            raise AssertionError("read")

        locked.recipe(HALVES, max_shard_size=size).build()
        monkeypatch.setattr(old_output, "digest_of", read)
        for _ in range(3):
            assert len(self.kept(locked, HALVES, monkeypatch, max_shard_size=size)) == 7

    def test_an_output_that_was_tampered_with_is_computed_again(
        self, locked: Workbench, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        good = read_checkpoint(locked.recipe(HALVES).build().path)
        shard = locked.out / "model.safetensors"
        stat = shard.stat()
        data = bytearray(shard.read_bytes())
        data[-1] ^= 1
        shard.write_bytes(data)
        os.utime(shard, ns=(stat.st_atime_ns, stat.st_mtime_ns))
        assert len(self.kept(locked, HALVES, monkeypatch)) == 6
        assert read_checkpoint(locked.out) == good

    def test_what_is_linked_needs_no_room(self, locked: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
        recipe = locked.recipe(HALVES, max_shard_size="8KB")
        recipe.build()
        shards = sorted(path.stat().st_size for path in locked.out.glob("*.safetensors"))
        edited = {"op": "linear", "inputs": {"a": {"weight": {"h.2.**": 0.3, "**": 0.5}}, "b": "rest"}}
        monkeypatch.setattr(shard_files, "_SLACK", 0)
        room = shards[-1]  # of more than three
        monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=room))
        with pytest.raises(mergec.MergecError) as caught:
            recipe.build(fresh=True)
        assert codes(caught) == ["MC0803"]
        locked.recipe(edited, max_shard_size="8KB").build()
        # Here all files are like those that are there, and none has the bytes.
        before = tree(locked.out)
        with pytest.raises(mergec.MergecError) as caught:
            locked.recipe("0.2 * a + 0.8 * b", max_shard_size="8KB").build()
        assert codes(caught) == ["MC0803"]
        assert tree(locked.out) == before

    def test_what_was_copied_once_is_not_read_back_again(
        self, locked: Workbench, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        for path in locked.folder.glob("*.safetensors"):
            wait_until_settled(path)
        recipe = locked.recipe("a")
        recipe.build(out=tmp_path / "first")

        def read(*_: object) -> None:
            raise AssertionError("read back")

        monkeypatch.setattr(ShardFiles, "read", read)
        recipe.build(out=tmp_path / "second")
        assert tree(tmp_path / "second") == tree(tmp_path / "first")


def wait_until_settled(path: Path) -> None:
    """Digests of files just written are not kept, as the clock might not show another write."""
    while not stamp_of(path).is_settled(time.time_ns()):
        time.sleep(0.1)
