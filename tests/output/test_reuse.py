"""What a build takes from the output that it replaces."""

from __future__ import annotations

import json
import os
import threading
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from mergec.execute import load_libraries
from mergec.output import copies, partial_output
from mergec.output.old_output import read_old_output
from mergec.output.partial_output import PartialOutput
from tests.conftest import tree

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from tests.conftest import Array, Workbench

COUNT = 6
SHARD = 2900  # for one tensor each
MIXED = "0.5 * a + 0.5 * b"


def values(source: int, tensor: int) -> Array:
    return np.random.default_rng([source, tensor]).standard_normal(700).astype(np.float32)


def weighted(weight: float, changed: str = "h.1.w") -> dict[str, object]:
    return {"op": "linear", "inputs": {"a": {"weight": {changed: weight, "**": 0.5}}, "b": "rest"}}


@pytest.fixture(autouse=True)
def _sources(bench: Workbench) -> None:
    for number, name in enumerate("ab"):
        tensors = {f"h.{i}.w": values(number, i) for i in range(COUNT)}
        bench.source(name, {**tensors, "none": np.zeros((0, 2), np.float32)})


@pytest.fixture(autouse=True)
def unchanged(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every build takes what it can; the files named in the list count as unchanged."""
    names: list[str] = []
    begin, publish = PartialOutput.begin, PartialOutput.publish

    def with_old(self: PartialOutput, causes: Sequence[str], **options: Any) -> list[int]:
        old = read_old_output(self._target, lambda path, _: path.name in names)
        return begin(self, causes, **{**options, "keys": causes, "old": old})

    # Digests of sources that were written this moment are not known at the start; causes do as well.
    monkeypatch.setattr(PartialOutput, "begin", with_old)
    monkeypatch.setattr(PartialOutput, "publish", lambda self, index, **_: publish(self, index))
    return names


def build(bench: Workbench, model: Any = MIXED, **output: Any) -> list[str]:
    """Build over what is there; the tensors whose bytes were computed."""
    written: list[str] = []
    real = PartialOutput.write_at

    def write_at(self: PartialOutput, shard: int, offset: int, buffer: memoryview) -> None:
        written.extend(t.name for t in self._layout.tensors if t.shard == shard and t.offset == offset)
        real(self, shard, offset, buffer)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(PartialOutput, "write_at", write_at)
        bench.recipe(model, **output).build(workers=1)
    assert sorted(p.name for p in bench.folder.iterdir() if p.suffix not in {".yaml", ".lock"}) == [
        "a.safetensors",
        "b.safetensors",
        "out",
    ]
    return sorted(set(written))


def assert_as_from_nothing(bench: Workbench, model: Any = MIXED, **output: Any) -> None:
    other = bench.folder / "other" / "out"
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(partial_output, "tensors_to_copy", lambda *_: {})
        bench.recipe(model, **output).build(workers=1, out=other)
    assert tree(bench.out) == tree(other)


def inodes(folder: Path) -> dict[str, int]:
    return {path.name: path.stat().st_ino for path in sorted(folder.iterdir())}


NAMES = [f"h.{i}.w" for i in range(COUNT)]


class TestNothingChanged:
    @pytest.mark.parametrize("known", [False, True])
    def test_nothing_is_written(self, bench: Workbench, unchanged: list[str], known: bool) -> None:  # noqa: FBT001
        build(bench, max_shard_size=SHARD)
        before = inodes(bench.out), bench.out.stat().st_ino, tree(bench.out)
        if known:
            unchanged += before[0]
        assert build(bench, max_shard_size=SHARD) == []
        assert (inodes(bench.out), bench.out.stat().st_ino, tree(bench.out)) == before

    def test_but_a_side_file(self, bench: Workbench) -> None:
        bench.folder_source("a", {f"h.{i}.w": values(0, i) for i in range(COUNT)}, config__json="{}")
        (bench.folder / "a.safetensors").unlink()

        def made() -> dict[str, int]:
            bench.recipe("a").build(workers=1)
            return inodes(bench.out)

        before = made()
        (bench.folder / "a/config.json").write_text('{"n": 1}')
        after = made()
        assert before["model.safetensors"] == after["model.safetensors"]
        assert json.loads((bench.out / "config.json").read_text())["n"] == 1


class TestSomethingChanged:
    def test_only_the_shard_of_the_tensor_is_written(self, bench: Workbench) -> None:
        build(bench, max_shard_size=SHARD)
        before = inodes(bench.out)
        assert build(bench, weighted(0.75), max_shard_size=SHARD) == ["h.1.w"]
        after = inodes(bench.out)
        assert {name for name in before if before[name] == after[name]} == {
            f"model-{i + 1:05d}-of-{COUNT:05d}.safetensors" for i in range(COUNT) if i != 1
        }
        assert_as_from_nothing(bench, weighted(0.75), max_shard_size=SHARD)

    def test_only_the_tensor_is_computed(self, bench: Workbench) -> None:
        build(bench)
        assert build(bench, weighted(0.75)) == ["h.1.w"]
        assert_as_from_nothing(bench, weighted(0.75))

    def test_what_comes_from_an_unchanged_file_is_not_hashed(
        self, bench: Workbench, unchanged: list[str]
    ) -> None:
        build(bench)
        unchanged += inodes(bench.out)
        with pytest.MonkeyPatch.context() as patched:
            patched.delattr(copies, "digest_of")
            assert build(bench, weighted(0.75)) == ["h.1.w"]
        assert_as_from_nothing(bench, weighted(0.75))

    def test_what_computes_is_loaded_meanwhile_if_it_is_needed(
        self, bench: Workbench, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        needed: list[list[int]] = []
        monkeypatch.setattr(load_libraries, "load_libraries", lambda _plan, made: needed.append(sorted(made)))
        build(bench, max_shard_size=SHARD)
        assert needed == []
        build(bench, weighted(0.75, "h.4.w"), max_shard_size=SHARD)
        assert needed
        assert all(made == [4] for made in needed)
        needed.clear()
        build(bench, weighted(0.75, "h.4.w"), max_shard_size=SHARD)
        assert not any(needed)

    def test_what_computes_is_loaded_while_tensors_are_copied(
        self, bench: Workbench, unchanged: list[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Also where nothing is hashed, as nobody has touched the files since they were published."""
        loaded = threading.Event()
        copy = copies.Copies._copy

        def waiting(*arguments: Any) -> bool:
            assert loaded.wait(60)
            return copy(*arguments)

        build(bench)
        unchanged += inodes(bench.out)
        monkeypatch.setattr(load_libraries, "load_libraries", lambda _plan, _made: loaded.set())
        monkeypatch.setattr(copies.Copies, "_copy", waiting)
        assert build(bench, weighted(0.75)) == ["h.1.w"]
        assert loaded.is_set()

    def test_tensors_move_into_other_shards(self, bench: Workbench) -> None:
        build(bench, max_shard_size=SHARD)
        assert build(bench, max_shard_size=2 * SHARD) == []
        assert_as_from_nothing(bench, max_shard_size=2 * SHARD)

    def test_a_tensor_that_was_added_and_one_that_is_gone(self, bench: Workbench) -> None:
        build(bench)
        for number, name in enumerate("ab"):
            tensors = {f"h.{i}.w": values(number, i) for i in range(1, COUNT + 1)}
            bench.source(name, tensors)
        # The stamp of the sources differs, and so does every cause.
        assert build(bench) == [f"h.{i}.w" for i in range(1, COUNT + 1)]
        assert_as_from_nothing(bench)

    def test_what_lies_side_by_side_is_copied_at_once_and_in_whole_blocks(
        self, bench: Workbench, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        copied: list[tuple[int, int]] = []
        real = os.copy_file_range

        def copy(source: int, target: int, count: int, start: int, offset: int) -> int:
            assert start == offset
            copied.append((start, count))
            return real(source, target, count, start, offset)

        build(bench)
        monkeypatch.setattr(os, "copy_file_range", copy)
        assert build(bench, weighted(0.75, "h.4.w")) == ["h.4.w"]
        (start, head), (block, _), *after = sorted(copied)
        assert block == start + head == 4096
        assert sum(count for _, count in copied) == (COUNT - 1) * 2800
        assert len(after) == 2  # behind the tensor that is made: up to a whole block, and from there
        assert after[1][0] % 4096 == 0
        assert_as_from_nothing(bench, weighted(0.75, "h.4.w"))

    @pytest.mark.parametrize(("size", "at_least"), [(10**9, 1), (3 * SHARD, 2)])
    def test_each_file_is_copied_by_one_thread(
        self, bench: Workbench, size: int, at_least: int, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        threads: dict[int, set[str]] = {}
        copy = copies.Copies._copy

        def noting(self: copies.Copies, source: int, start: int, placed: Any, nbytes: int) -> bool:
            threads.setdefault(placed.shard, set()).add(threading.current_thread().name)
            return copy(self, source, start, placed, nbytes)

        monkeypatch.setattr(copies, "_AT_ONCE", 1000)
        build(bench)
        monkeypatch.setattr(copies.Copies, "_copy", noting)
        bench.recipe(weighted(0.75, "h.2.w"), max_shard_size=size).build(workers=4)
        assert len(threads) == at_least
        assert all(len(names) == 1 for names in threads.values())
        assert_as_from_nothing(bench, weighted(0.75, "h.2.w"), max_shard_size=size)

    def test_the_rest_is_computed_while_tensors_are_copied(
        self, bench: Workbench, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        written = threading.Event()
        copy, write_at = copies.Copies._copy, PartialOutput.write_at

        def waiting(*arguments: Any) -> bool:
            assert written.wait(60)
            return copy(*arguments)

        def noting(self: PartialOutput, *arguments: Any) -> None:
            write_at(self, *arguments)
            written.set()

        build(bench)
        monkeypatch.setattr(copies.Copies, "_copy", waiting)
        monkeypatch.setattr(PartialOutput, "write_at", noting)
        assert build(bench, weighted(0.75)) == ["h.1.w"]
        assert_as_from_nothing(bench, weighted(0.75))

    @pytest.mark.parametrize("call", ["link", "copy_file_range"])
    def test_where_the_system_can_neither_link_nor_copy(
        self, bench: Workbench, call: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def refuse(*_: object, **__: object) -> None:
            raise PermissionError

        build(bench, max_shard_size=SHARD)
        monkeypatch.setattr(os, call, refuse)
        assert build(bench, weighted(0.75), max_shard_size=SHARD) == ["h.1.w"]
        monkeypatch.setattr(os, "link", refuse)
        assert build(bench, weighted(0.8), max_shard_size=SHARD) == ["h.1.w"]
        assert_as_from_nothing(bench, weighted(0.8), max_shard_size=SHARD)

    def test_of_values_that_are_no_numbers_is_told_again(self, bench: Workbench) -> None:
        for name, sign in (("a", 1), ("b", -1)):
            bench.source(name, {f"h.{i}.w": np.full(700, sign * np.inf, np.float32) for i in range(COUNT)})
        build(bench)
        made = bench.recipe(MIXED).build(workers=1)
        assert [one.code for one in made.warnings] == ["MC0703"]


class TestWhatWasTamperedWith:
    def test_bytes_of_a_tensor(self, bench: Workbench) -> None:
        build(bench, max_shard_size=SHARD)
        file = bench.out / "model-00002-of-00006.safetensors"
        data = bytearray(file.read_bytes())
        data[-1] ^= 1
        file.write_bytes(data)
        assert build(bench, max_shard_size=SHARD) == ["h.1.w"]
        assert_as_from_nothing(bench, max_shard_size=SHARD)

    def test_bytes_where_another_tensor_changes(self, bench: Workbench) -> None:
        build(bench)
        file = bench.out / "model.safetensors"
        data = bytearray(file.read_bytes())
        data[-1] ^= 1
        file.write_bytes(data)
        assert build(bench, weighted(0.75)) == ["h.1.w", "h.5.w"]
        assert_as_from_nothing(bench, weighted(0.75))

    def test_a_header(self, bench: Workbench) -> None:
        build(bench, max_shard_size=SHARD)
        file = bench.out / "model-00002-of-00006.safetensors"
        file.write_bytes(file.read_bytes().replace(b'"mergec":"1"', b'"mergec":"2"'))
        assert build(bench, max_shard_size=SHARD) == []  # the tensor itself is copied
        assert_as_from_nothing(bench, max_shard_size=SHARD)

    @pytest.mark.parametrize(
        "change",
        [
            lambda text: text.replace('"finite"', '"finit"').replace('"R0"', '"R1"'),
            lambda text: text.replace('"2.0"', '"1.0"'),
            lambda text: text.replace('"2.0"', '"3.0"'),
            lambda text: text.replace("model.safetensors", "../a.safetensors"),
            lambda text: json.dumps({**json.loads(text), "tensors": {"h.0.w": 3}}),
            lambda text: json.dumps({**json.loads(text), "tensors": []}),
            lambda text: json.dumps({**json.loads(text), "checksum": {}}),
        ],
    )
    def test_the_manifest(self, bench: Workbench, change: Callable[[str], str]) -> None:
        build(bench)
        manifest = bench.out / "mergec.manifest.json"
        manifest.write_text(change(manifest.read_text()))
        bench.recipe(MIXED).build(workers=1, force=True)
        assert_as_from_nothing(bench)

    @pytest.mark.parametrize(
        "file", ["a.safetensors/../../a.safetensors", "x" * 5000, "nul\0", "\ud800", ".", ""]
    )
    def test_the_name_of_a_file_with_a_true_checksum(self, bench: Workbench, file: str) -> None:
        from mergec.output.manifest import _checksum

        build(bench)
        manifest = bench.out / "mergec.manifest.json"
        document = json.loads(manifest.read_text())
        del document["checksum"]
        for tensor in document["tensors"].values():
            tensor["file"] = file
        manifest.write_text(json.dumps({**document, "checksum": _checksum(document)}))
        assert build(bench) == NAMES
        assert_as_from_nothing(bench)

    def test_a_file_that_is_a_link(self, bench: Workbench) -> None:
        build(bench)
        file = bench.out / "model.safetensors"
        file.rename(bench.folder / "elsewhere.bin")
        file.symlink_to(bench.folder / "elsewhere.bin")
        bench.recipe(MIXED).build(workers=1, force=True)
        assert not (bench.out / "model.safetensors").is_symlink()
        (bench.folder / "elsewhere.bin").unlink()
        assert_as_from_nothing(bench)

    def test_progress_takes_back_what_was_damaged(self, bench: Workbench) -> None:
        build(bench)
        path = bench.out / "model.safetensors"
        content = bytearray(path.read_bytes())
        content[-1] ^= 1
        path.write_bytes(content)
        told: dict[int, int] = dict.fromkeys(range(COUNT + 1), 0)

        def progress(tensor: int, nbytes: int) -> None:
            told[tensor] += nbytes

        recipe = bench.recipe(MIXED)
        recipe.build(workers=1, progress=progress)
        assert list(told.values()) == [tensor.nbytes for tensor in recipe.plan().layout.tensors]
        assert_as_from_nothing(bench)


class TestStopped:
    def test_nothing_is_copied_after_the_files_are_closed(
        self, bench: Workbench, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        begun, failed = threading.Event(), threading.Event()
        used: list[bool] = []
        copy = copies.Copies._copy

        def waiting(self: copies.Copies, *arguments: Any) -> bool:
            begun.set()
            assert failed.wait(60)
            used.append(bool(self._files.descriptors))
            return copy(self, *arguments)

        def fail(*_: object) -> None:
            assert begun.wait(60)
            threading.Timer(0.1, failed.set).start()
            raise KeyboardInterrupt

        build(bench)
        before = tree(bench.out)
        monkeypatch.setattr(copies.Copies, "_copy", waiting)
        monkeypatch.setattr(PartialOutput, "write_at", fail)
        with pytest.raises(KeyboardInterrupt):
            bench.recipe(weighted(0.75)).build(workers=1)
        assert used
        assert all(used)
        assert tree(bench.out) == before

    def test_a_build_with_linked_shards_never_writes_into_the_old_output(self, bench: Workbench) -> None:
        build(bench, max_shard_size=SHARD)
        before = tree(bench.out)

        def interrupt(tensor: int, _bytes: int) -> None:
            if tensor == 4:
                raise KeyboardInterrupt

        for weight in (0.75, 0.8):
            recipe = bench.recipe(weighted(weight, "h.4.w"), max_shard_size=SHARD)
            with pytest.raises(KeyboardInterrupt):
                recipe.build(workers=1, progress=interrupt)
            assert tree(bench.out) == before
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(partial_output, "linked_shards", lambda *_: {})
            assert build(bench, weighted(0.9, "h.4.w"), max_shard_size=SHARD) == ["h.4.w"]
        assert_as_from_nothing(bench, weighted(0.9, "h.4.w"), max_shard_size=SHARD)
