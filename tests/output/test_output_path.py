"""What stands at the output path: kept on every failure, replaced only where mergec built it."""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

import numpy as np
import pytest

import mergec
from mergec.diagnostics import Report
from mergec.output import claimed_place, partial_output, swap
from mergec.pipeline import Options, build, make_build_plan
from tests.conftest import read_checkpoint, tree, write_checkpoint

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conftest import Workbench

W = np.arange(6, dtype=np.float32)
DOUBLED = {"op": "linear", "inputs": {"a": 2.0}, "allow_scaling": True}


@pytest.fixture(params=["out", "out.safetensors"], ids=["directory", "file"])
def path(request: pytest.FixtureRequest) -> Any:
    return request.param


@pytest.fixture(autouse=True)
def _source(bench: Workbench) -> None:
    bench.source("a", {"w": W})


def everything(bench: Workbench) -> dict[str, bytes]:
    """All files of the bench but its recipe."""
    return {name: data for name, data in tree(bench.folder).items() if name != "recipe.yaml"}


def names(bench: Workbench) -> list[str]:
    """What lies in the bench, but for a lock."""
    return sorted(p.name for p in bench.folder.iterdir() if p.suffix != ".lock")


def published(bench: Workbench) -> dict[str, bytes]:
    """As `everything`, without what a stopped build keeps for the next one."""
    return {name: data for name, data in everything(bench).items() if ".partial" not in name}


def codes(
    bench: Workbench, path: str, *, force: bool = False, model: Any = DOUBLED, keeps: bool = False
) -> list[str]:
    """Why a build is refused, after making sure that it changed nothing on the disk.

    `keeps`: but for the tensors that it finished before.
    """
    recipe = bench.recipe(model, path=path)
    seen = published if keeps else everything
    before = seen(bench)
    with pytest.raises(mergec.MergecError) as caught:
        recipe.build(force=force, workers=1)
    assert seen(bench) == before
    if keeps:
        (note,) = caught.value.__notes__
        assert note.startswith(f"kept 1 of 1 tensors in {bench.folder / path}.partial; ")
    return [error.code for error in caught.value.errors]


def is_right_next_time(bench: Workbench, path: str) -> bool:
    """Whether the next build, of the same recipe, publishes what it should and leaves nothing else."""
    made = mergec.load(bench.folder / "recipe.yaml").build(workers=1)
    np.testing.assert_array_equal(read_checkpoint(made.path)["w"].values, 2 * W)
    return names(bench) == ["a.safetensors", path, "recipe.yaml"]


class TestWhatIsThere:
    def test_nothing(self, bench: Workbench, path: str) -> None:
        made = bench.recipe(DOUBLED, path=f"deep/er/{path}").build()
        assert made.path == bench.folder / "deep/er" / path
        np.testing.assert_array_equal(read_checkpoint(made.path)["w"].values, 2 * W)
        assert sorted(p.name for p in made.path.parent.iterdir()) == [path]

    def test_an_output_of_mergec_is_replaced_whole(self, bench: Workbench, path: str) -> None:
        bench.recipe("a", path=path).build()
        made = bench.recipe(DOUBLED, path=path).build()
        np.testing.assert_array_equal(read_checkpoint(made.path)["w"].values, 2 * W)
        assert names(bench) == ["a.safetensors", path, "recipe.yaml"]

    def test_files_of_the_output_before_are_gone(self, bench: Workbench) -> None:
        bench.source("b", {"w": W, "v": W})
        bench.recipe("b", max_shard_size=1).build()
        bench.recipe(DOUBLED).build()
        assert [p.name for p in bench.out.glob("model*")] == ["model.safetensors"]

    @pytest.mark.parametrize("name", ["README.md", "results/eval.json", "extra.safetensors"])
    def test_a_file_that_somebody_added_is_kept(self, bench: Workbench, name: str) -> None:
        bench.source("b", {"w": W})
        bench.recipe("b").build()
        added = bench.out / name
        added.parent.mkdir(exist_ok=True)
        added.write_text("mine")
        with pytest.raises(mergec.MergecError) as caught:
            bench.recipe(DOUBLED).build()
        assert [error.code for error in caught.value.errors] == ["MC0801"]
        assert name in caught.value.errors[0].notes[0]
        assert added.read_text() == "mine"
        bench.recipe(DOUBLED).build(force=True)
        assert not (added.exists() and added.read_text() == "mine")

    @pytest.mark.parametrize("text", ["", "[]", "{", '{"files": 3}', "[" * 100_000])
    def test_a_manifest_that_says_nothing_protects_the_directory(self, bench: Workbench, text: str) -> None:
        bench.source("b", {"w": W})
        bench.recipe("b").build()
        (bench.out / "mergec.manifest.json").write_text(text)
        assert codes(bench, "out") == ["MC0801"]

    def test_an_empty_directory_is_filled(self, bench: Workbench) -> None:
        bench.out.mkdir()
        assert set(bench.build(DOUBLED)) == {"w"}

    def test_a_file_of_somebody_else_is_kept(self, bench: Workbench) -> None:
        write_checkpoint(bench.folder / "out.safetensors", {"w": W})
        assert codes(bench, "out.safetensors") == ["MC0801"]

    @pytest.mark.parametrize("name", ["notes.txt", "model.safetensors", "model.bin"])
    def test_a_directory_of_somebody_else_is_kept(self, bench: Workbench, name: str) -> None:
        write_checkpoint(bench.out / name, {"w": W})
        assert codes(bench, "out") == ["MC0801"]

    def test_force_replaces_what_somebody_else_wrote(self, bench: Workbench, path: str) -> None:
        target = bench.folder / path
        write_checkpoint(target if path.endswith(".safetensors") else target / "model.safetensors", {"w": W})
        made = bench.recipe(DOUBLED, path=path).build(force=True)
        np.testing.assert_array_equal(read_checkpoint(made.path)["w"].values, 2 * W)

    def test_force_replaces_a_file_by_a_directory(self, bench: Workbench) -> None:
        bench.out.write_text("notes")
        assert set(bench.build(DOUBLED)) == {"w"}

    def test_force_replaces_a_directory_by_a_file(self, bench: Workbench) -> None:
        (bench.folder / "out.safetensors").mkdir()
        made = bench.recipe(DOUBLED, path="out.safetensors").build(force=True)
        assert made.path.is_file()


class TestSources:
    @pytest.mark.parametrize("force", [False, True])
    def test_are_never_replaced(self, bench: Workbench, force: bool) -> None:  # noqa: FBT001
        assert codes(bench, "a.safetensors", force=force) == ["MC0802"]

    @pytest.mark.parametrize("path", ["models", "models/base", "models/../models/base"])
    def test_are_not_replaced_by_a_folder_that_holds_them(self, bench: Workbench, path: str) -> None:
        write_checkpoint(bench.folder / "models/base/model.safetensors", {"w": W})
        bench.sources["a"] = {"path": "models/base"}
        assert codes(bench, path, force=True) == ["MC0802"]

    def test_are_known_behind_links(self, bench: Workbench) -> None:
        bench.folder_source("base", {"w": W})
        (bench.folder / "link").symlink_to("base")
        bench.sources["a"] = {"path": "link"}
        assert codes(bench, "base", force=True) == ["MC0802"]
        bench.sources["a"] = {"path": "base"}
        assert codes(bench, "link", force=True) == ["MC0802"]

    def test_are_not_taken_for_what_a_killed_build_left(self, bench: Workbench, path: str) -> None:
        made = bench.recipe("a", path=path).build()
        made.path.rename(bench.folder / f"{path}.partial")
        (bench.folder / "b.safetensors").symlink_to(f"{path}.partial")
        bench.sources["b"] = {"path": "b.safetensors"}
        assert codes(bench, path, model="b") == ["MC0802"]


class TestLinks:
    def test_a_linked_directory_is_replaced_where_it_is(self, bench: Workbench) -> None:
        bench.recipe("a", path="real/out").build()
        bench.out.symlink_to(bench.folder / "real/out")
        np.testing.assert_array_equal(bench.build(DOUBLED)["w"].values, 2 * W)
        assert bench.out.is_symlink()
        np.testing.assert_array_equal(read_checkpoint(bench.folder / "real/out")["w"].values, 2 * W)

    def test_a_link_to_a_file_of_somebody_else_is_kept(self, bench: Workbench) -> None:
        write_checkpoint(bench.folder / "theirs.safetensors", {"w": W})
        (bench.folder / "out.safetensors").symlink_to("theirs.safetensors")
        assert codes(bench, "out.safetensors") == ["MC0801"]

    def test_a_link_to_nowhere_is_kept(self, bench: Workbench, path: str) -> None:
        (bench.folder / path).symlink_to("nowhere")
        assert codes(bench, path) == ["MC0801"]
        assert (bench.folder / path).is_symlink()


class TestPlacesThatCannotBe:
    def test_links_in_a_circle(self, bench: Workbench, path: str) -> None:
        (bench.folder / path).symlink_to(path)
        assert codes(bench, path) == ["MC0804"]
        assert codes(bench, f"{path}/deeper", force=True) == ["MC0804"]

    def test_a_name_that_is_too_long(self, bench: Workbench) -> None:
        assert codes(bench, "x" * 300) == ["MC0804"]
        assert codes(bench, "x" * 250) == ["MC0804"]  # too long for the name it has while it is made

    def test_the_root(self, bench: Workbench) -> None:
        assert codes(bench, "/", force=True) == ["MC0804"]


class TestLeftovers:
    def test_of_a_killed_build_are_removed(self, bench: Workbench, path: str) -> None:
        made = bench.recipe("a", path=path).build()
        made.path.rename(made.path.with_name(f"{path}.partial"))
        bench.recipe(DOUBLED, path=path).build()
        assert names(bench) == ["a.safetensors", path, "recipe.yaml"]

    def test_of_somebody_else_are_kept(self, bench: Workbench) -> None:
        (bench.folder / "out.partial").mkdir()
        (bench.folder / "out.partial/notes.txt").write_text("mine")
        assert codes(bench, "out") == ["MC0801"]

    def test_of_a_build_that_died_before_it_wrote_a_header_are_removed(self, bench: Workbench) -> None:
        (bench.folder / "out.partial").mkdir()
        (bench.folder / "out.partial/model.safetensors").touch()
        assert set(bench.build(DOUBLED)) == {"w"}

    def test_a_directory_moved_aside_by_somebody_else_is_kept(
        self, bench: Workbench, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        bench.recipe("a").build()
        (bench.folder / "out.replaced").mkdir()
        (bench.folder / "out.replaced/notes.txt").write_text("mine")
        monkeypatch.setattr(swap, "_exchange", lambda _first, _second: False)
        bench.recipe(DOUBLED).build()
        assert (bench.folder / "out.replaced/notes.txt").read_text() == "mine"


class TestTwoBuildsAtOnce:
    """A second one that begins at a moment of the first is refused and harms nothing."""

    def second(self, bench: Workbench, path: str) -> list[str]:
        with pytest.raises(mergec.MergecError) as caught:
            bench.recipe("a", path=path).build(workers=1)
        return [error.code for error in caught.value.errors]

    @pytest.mark.parametrize("moment", ["publish", "remove"])
    def test_while_the_output_is_put_in_its_place(
        self, bench: Workbench, path: str, moment: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        bench.recipe("a", path=path).build()
        home = swap if moment == "remove" else partial_output  # what is replaced, after the exchange
        real: Any = getattr(home, moment)
        found: list[list[str]] = []

        def meddled(*arguments: Any) -> None:
            with monkeypatch.context() as undone:
                undone.setattr(home, moment, real)
                found.append(self.second(bench, path))
            real(*arguments)

        recipe = bench.recipe(DOUBLED, path=path)
        compiled = recipe.check()
        plan = make_build_plan(compiled, Options())
        monkeypatch.setattr(home, moment, meddled)
        build(compiled, plan, Options(), Report())
        np.testing.assert_array_equal(read_checkpoint(bench.folder / path)["w"].values, 2 * W)
        assert found == ([] if moment == "remove" and path == "out.safetensors" else [["MC0805"]])
        assert names(bench) == ["a.safetensors", path, "recipe.yaml"]

    def test_when_both_have_made_sure_that_nobody_is_there(
        self, bench: Workbench, path: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        theirs = bench.folder / f"{path}.partial"

        def other(self: claimed_place.ClaimedPlace, *_: object, **__: object) -> None:
            self.path.write_text("theirs")

        monkeypatch.setattr(claimed_place.ClaimedPlace, "_clear_leftover", other)
        assert self.second(bench, path) == ["MC0805"]
        assert theirs.read_text() == "theirs"

    def test_when_the_other_takes_the_new_directory_for_a_leftover(
        self, bench: Workbench, path: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(claimed_place, "lock", lambda _: None)
        assert self.second(bench, path) == ["MC0805"]
        assert (bench.folder / f"{path}.partial").exists()

    def test_a_pipe_under_the_second_name_is_not_waited_for(self, bench: Workbench) -> None:
        os.mkfifo(bench.folder / "out.partial")
        assert self.second(bench, "out") == ["MC0801"]


def test_what_tells_whose_a_directory_is_is_removed_last(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ["a.json", "a.safetensors", "b.safetensors", "mergec.journal", "z/notes.txt"]
    (tmp_path / "out/z").mkdir(parents=True)
    for name in names:
        (tmp_path / "out" / name).touch()
    removed: list[str] = []
    unlink = os.unlink

    def noting(path: Path, **options: Any) -> None:
        removed.append(Path(path).name)
        unlink(path, **options)

    monkeypatch.setattr(os, "unlink", noting)
    swap.remove(tmp_path / "out")
    assert removed[:2] == ["a.json", "notes.txt"]
    assert sorted(removed[2:4]) == ["a.safetensors", "b.safetensors"]
    assert removed[4:] == ["mergec.journal"]
    assert not (tmp_path / "out").exists()


def test_an_old_directory_that_cannot_be_removed_is_no_failure(
    bench: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.recipe("a").build()
    monkeypatch.setattr(swap, "remove", refusing(errno.EACCES))
    np.testing.assert_array_equal(bench.build(DOUBLED)["w"].values, 2 * W)


def test_an_old_directory_that_is_half_removed_blocks_nothing(
    bench: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.folder_source("a", {"w": W}, config__json="{}")
    bench.recipe(DOUBLED).build()
    unlink = Path.unlink

    def all_but_weights(path: Path, *, missing_ok: bool = False) -> None:
        if path.suffix == ".safetensors":
            raise OSError(errno.EIO, "cut short")
        unlink(path, missing_ok=missing_ok)

    with monkeypatch.context() as patched:
        patched.setattr(Path, "unlink", all_but_weights)
        bench.recipe(DOUBLED, dtype="float16").build()
    assert [path.name for path in (bench.folder / "out.partial").iterdir()] == ["model.safetensors"]
    np.testing.assert_array_equal(bench.build(DOUBLED)["w"].values, 2 * W)
    assert not (bench.folder / "out.partial").exists()


class Usage(NamedTuple):
    free: int


def refusing(code: int) -> Callable[..., NoReturn]:
    """A system call that fails with this errno."""

    def fail(*_: object) -> NoReturn:
        raise OSError(code, os.strerror(code))

    return fail


class TestFailures:
    """Each with an output of an earlier build in place, and in an empty place."""

    @pytest.fixture(params=[True, False], ids=["over an output", "in an empty place"], autouse=True)
    def _earlier(self, request: pytest.FixtureRequest, bench: Workbench, path: str) -> None:
        if request.param:
            bench.recipe("a", path=path).build()

    def test_too_little_room(self, bench: Workbench, path: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(1000))
        assert codes(bench, path) == ["MC0803"]

    @pytest.mark.parametrize("call", ["ftruncate", "pwrite", "fsync"])
    def test_a_full_disk(
        self, bench: Workbench, path: str, call: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with monkeypatch.context() as patched:
            patched.setattr(os, call, refusing(errno.ENOSPC))
            assert codes(bench, path, keeps=call == "fsync") == ["MC0804"]
        assert is_right_next_time(bench, path)

    def test_a_disk_that_fills_up(self, bench: Workbench, path: str, monkeypatch: pytest.MonkeyPatch) -> None:
        real, calls = os.pwrite, iter(range(100))

        def pwrite(descriptor: int, data: memoryview, offset: int) -> int:
            if next(calls) == 1:  # the header was written
                raise OSError(errno.ENOSPC, "No space left on device")
            return real(descriptor, data, offset)

        monkeypatch.setattr(os, "pwrite", pwrite)
        assert codes(bench, path) == ["MC0804"]

    def test_a_disk_that_fills_up_while_the_kernel_copies(
        self, bench: Workbench, path: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(os, "copy_file_range", refusing(errno.ENOSPC))
        calls = iter(range(100))
        real = os.pwrite

        def pwrite(descriptor: int, data: memoryview, offset: int) -> int:
            if next(calls):
                raise OSError(errno.ENOSPC, "No space left on device")
            return real(descriptor, data, offset)

        monkeypatch.setattr(os, "pwrite", pwrite)
        assert codes(bench, path, model="a") == ["MC0804"]

    def test_a_rename_that_fails(self, bench: Workbench, path: str, monkeypatch: pytest.MonkeyPatch) -> None:
        with monkeypatch.context() as patched:
            patched.setattr("pathlib.Path.replace", refusing(errno.EACCES))
            patched.setattr("pathlib.Path.rename", refusing(errno.EACCES))
            patched.setattr(swap, "_exchange", lambda _first, _second: False)
            assert codes(bench, path, keeps=True) == ["MC0804"]
        assert is_right_next_time(bench, path)

    @pytest.mark.parametrize("workers", [1, 2])
    def test_an_interrupt(self, bench: Workbench, path: str, workers: int) -> None:
        def interrupt(_tensor: int, _bytes: int) -> None:
            raise KeyboardInterrupt

        recipe = bench.recipe(DOUBLED, path=path)
        before = published(bench)
        with pytest.raises(KeyboardInterrupt):
            recipe.build(workers=workers, progress=interrupt)
        assert published(bench) == before
        assert is_right_next_time(bench, path)

    def test_a_source_that_changes(self, bench: Workbench, path: str) -> None:
        source = bench.folder / "a.safetensors"
        content = source.read_bytes()

        def change(_tensor: int, _bytes: int) -> None:
            source.write_bytes(content + b" ")
            os.utime(source, ns=(1, 1))

        recipe = bench.recipe(DOUBLED, path=path)
        before = {name: data for name, data in published(bench).items() if name != "a.safetensors"}
        with pytest.raises(mergec.MergecError) as caught:
            recipe.build(workers=1, progress=change)
        assert caught.value.exit_code == 5
        after = {name: data for name, data in published(bench).items() if name != "a.safetensors"}
        assert after == before
        source.write_bytes(content.replace(W.tobytes(), (W / 2).tobytes()))
        recipe.build(workers=1)
        np.testing.assert_array_equal(read_checkpoint(bench.folder / path)["w"].values, W)


def test_without_an_exchange_the_old_directory_is_moved_aside(
    bench: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.recipe("a").build()
    monkeypatch.setattr(swap, "_exchange", lambda _first, _second: False)
    np.testing.assert_array_equal(bench.build(DOUBLED)["w"].values, 2 * W)
    assert names(bench) == ["a.safetensors", "out", "recipe.yaml"]


def test_no_descriptor_stays_open(bench: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    def opened() -> int:
        return len(os.listdir("/proc/self/fd"))  # noqa: PTH208

    bench.build(DOUBLED)
    before = opened()
    bench.build(DOUBLED)
    monkeypatch.setattr(os, "pwrite", refusing(errno.ENOSPC))
    bench.codes(DOUBLED)
    assert opened() == before


def test_no_source_stays_open_when_the_next_one_is_gone(bench: Workbench) -> None:
    bench.source("b", {"w": W})
    compiled = bench.recipe("0.5 * a + 0.5 * b").check()
    plan = make_build_plan(compiled, Options())
    (bench.folder / "b.safetensors").unlink()
    before = os.listdir("/proc/self/fd")  # noqa: PTH208
    with pytest.raises(mergec.MergecError):
        build(compiled, plan, Options(), Report())
    assert os.listdir("/proc/self/fd") == before  # noqa: PTH208


def test_a_file_system_without_locks(bench: Workbench, path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fcntl.flock", refusing(errno.EBADF))  # what NFS says of directories
    made = bench.recipe(DOUBLED, path=path).build()
    np.testing.assert_array_equal(read_checkpoint(made.path)["w"].values, 2 * W)
