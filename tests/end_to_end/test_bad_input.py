"""What somebody tampered with, or left in the way: every command says so by a code, and nothing is lost."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pytest

from mergec.lock.file_stamp import FileStamp
from mergec.output.partial_output import PartialOutput
from tests.cli.conftest import mergec_command
from tests.conftest import read_checkpoint, tree

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from click.testing import Result

    from tests.conftest import Array, Workbench

__all__ = ["mergec_command"]
MANIFEST = "out/mergec.manifest.json"
SHARD = "out/model.safetensors"


class Ended(NamedTuple):
    """The exit code of a command, and the codes of what it reported."""

    exit_code: int
    codes: list[str]


class Repository:
    """A recipe that has been built, with its sources, its lock and its output."""

    def __init__(self, bench: Workbench, run: Callable[..., Result]) -> None:
        self.folder = bench.folder
        self._bench, self._run = bench, run
        for seed, name in enumerate("ab"):
            values = np.random.default_rng(seed).standard_normal((3, 50, 40)).astype(np.float32)
            bench.source(name, {f"h.{number}.w": value for number, value in enumerate(values)})
        bench.recipe("0.5 * a + 0.5 * b")
        assert self("build") == (0, [])

    def __call__(self, command: str, *options: object) -> Ended:
        """Run a command on the recipe."""
        recipe = self.folder / "recipe.yaml"
        named = ["--recipe", recipe] if command == "verify" else [recipe]
        result = self._run(command, *named, *options, "--json")
        found = json.loads(result.stdout)["diagnostics"]
        return Ended(result.exit_code, [one["code"] for one in found])

    def edit(self, name: str, old: str, new: str) -> None:
        """Write another text in the place of one in a file."""
        path = self.folder / name
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new, 1))

    def flip(self, name: str, at: int = -1) -> None:
        """Change one bit of a file, and none of its times that can be set."""
        path = self.folder / name
        status = path.stat()
        content = bytearray(path.read_bytes())
        content[at] ^= 1
        path.write_bytes(content)
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))

    def values(self) -> dict[str, Array]:
        """What is in the output."""
        return {name: tensor.values for name, tensor in read_checkpoint(self.folder / "out").items()}

    def is_sound(self) -> bool:
        """Whether the output holds what the sources give now."""
        a, b = (read_checkpoint(self.folder / f"{name}.safetensors") for name in "ab")
        expected = {name: np.float32(0.5) * a[name].values + np.float32(0.5) * b[name].values for name in a}
        found = self.values()
        return expected.keys() == found.keys() and all(
            np.array_equal(expected[name], found[name]) for name in expected
        )


@pytest.fixture
def repository(
    bench: Workbench, mergec_command: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> Repository:
    monkeypatch.setattr(FileStamp, "is_settled", lambda _stamp, _now: True)
    return Repository(bench, mergec_command)


class TestLock:
    def edited(self, repository: Repository) -> None:
        repository.edit("recipe.lock", "size: ", "size: 1")

    def newer(self, repository: Repository) -> None:
        repository.edit("recipe.lock", "schema: 1", "schema: 2")

    def of_another(self, repository: Repository) -> None:
        (repository.folder / "recipe.yml").write_text((repository.folder / "recipe.yaml").read_text())
        lock = (repository.folder / "recipe.lock").read_bytes()
        repository._run("lock", repository.folder / "recipe.yml", "--json")
        assert (repository.folder / "recipe.lock").read_bytes() == lock  # it is of a recipe that is there
        (repository.folder / "recipe.lock").unlink()
        assert repository._run("lock", repository.folder / "recipe.yml").exit_code == 0

    def cut(self, repository: Repository) -> None:
        path = repository.folder / "recipe.lock"
        path.write_bytes(path.read_bytes()[:-20])

    @pytest.mark.parametrize(
        ("damage", "code"),
        [("edited", "MC0853"), ("newer", "MC0852"), ("of_another", "MC0854"), ("cut", "MC0853")],
    )
    @pytest.mark.parametrize(
        ("command", "options"), [("lock", ["--check"]), ("build", ["--locked"]), ("verify", [])]
    )
    def test_nothing_is_done_with_one_that_is_not_right(
        self, repository: Repository, damage: str, code: str, command: str, options: list[str]
    ) -> None:
        getattr(self, damage)(repository)
        before = tree(repository.folder)
        ended = repository(command, *options)
        assert ended.exit_code == 3
        assert ended.codes == [code] or (damage == "cut" and ended.codes[0] in {"MC0851", "MC0853"})
        assert tree(repository.folder) == before

    @pytest.mark.parametrize("damage", ["newer", "of_another"])
    def test_a_build_leaves_what_is_not_its_own(self, repository: Repository, damage: str) -> None:
        getattr(self, damage)(repository)
        before = (repository.folder / "recipe.lock").read_bytes()
        assert repository("build") == (0, ["MC0858"])
        assert (repository.folder / "recipe.lock").read_bytes() == before

    def test_a_build_renews_one_that_was_edited(self, repository: Repository) -> None:
        before = tree(repository.folder)
        self.edited(repository)
        assert repository("build") == (0, [])
        assert tree(repository.folder) == before


class TestManifest:
    @pytest.mark.parametrize(
        ("old", "new", "code"),
        [
            ('"digest": "', '"digest": "0', "MC0882"),
            ('"numerics": ', '"numerics": 9', "MC0882"),
            ('"format_version": "2.0"', '"format_version": "3.0"', "MC0883"),
            ('"files": {', '"files": [', "MC0882"),
        ],
    )
    def test_it_is_told_and_the_next_build_believes_none_of_it(
        self, repository: Repository, old: str, new: str, code: str
    ) -> None:
        before = tree(repository.folder)
        repository.edit(MANIFEST, old, new)
        assert repository("verify") == (4, [code])
        ended = repository("build", *(["--force"] if new.endswith("[") else []))
        assert (ended, tree(repository.folder)) == ((0, []), before)

    def test_one_that_is_forged_as_a_whole_is_not_that_of_the_lock(
        self, repository: Repository, mergec_command: Callable[..., Result]
    ) -> None:
        other = repository.folder / "other"
        repository.flip("a.safetensors")
        assert mergec_command("build", repository.folder / "recipe.yaml", "--out", other).exit_code == 0
        repository.flip("a.safetensors")
        for name, content in tree(other).items():
            (repository.folder / "out" / name).write_bytes(content)
        assert repository("verify") == (4, ["MC0888"])
        assert repository("build", "--locked") == (0, [])
        assert repository.is_sound()
        assert repository("verify") == (0, [])


class TestOutput:
    def test_other_bytes_of_a_tensor(self, repository: Repository) -> None:
        before = tree(repository.folder)
        repository.flip(SHARD)
        assert repository("verify") == (4, ["MC0887", "MC0888"])  # the manifest and the lock say so
        assert repository("build", "--locked") == (0, [])
        assert tree(repository.folder) == before

    def test_files_of_others(self, repository: Repository) -> None:
        (repository.folder / "out" / "notes.txt").write_text("mine")
        assert repository("verify") == (4, ["MC0885"])
        repository.edit("recipe.yaml", "0.5 * a", "0.5 * a")
        before = tree(repository.folder)
        assert repository("build") == (1, ["MC0801"])
        assert tree(repository.folder) == before
        assert repository("build", "--force") == (0, [])

    @pytest.mark.parametrize("name", ["README.md", "model.safetensors", "mergec.manifest.json"])
    def test_a_pipe_in_the_place_of_a_file_is_never_waited_for(
        self, repository: Repository, name: str
    ) -> None:
        (repository.folder / "out" / name).unlink()
        os.mkfifo(repository.folder / "out" / name)
        assert repository("verify").exit_code == 4
        built = repository("build")
        assert built == ((0, []) if name == "model.safetensors" else (1, ["MC0801"]))
        assert repository("build", "--force") == (0, [])
        assert repository.is_sound()

    @pytest.mark.skipif(os.geteuid() == 0, reason="nothing is read-only for root")
    def test_a_folder_that_may_not_be_written(self, repository: Repository) -> None:
        before = tree(repository.folder)
        repository.folder.chmod(0o500)
        try:
            assert repository("build", "--fresh").codes == ["MC0804"]
        finally:
            repository.folder.chmod(0o700)
        assert tree(repository.folder) == before

    @pytest.mark.parametrize("path", ["out", "out.safetensors"])
    def test_one_that_is_read_only_stays(
        self, repository: Repository, path: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        repository("build", "--out", repository.folder / path)
        monkeypatch.setattr(os, "access", lambda _path, mode: mode != os.W_OK)  # root may write anywhere
        before = tree(repository.folder)
        assert repository("build", "--out", repository.folder / path) == (0, [])  # nothing is replaced
        assert repository("build", "--fresh", "--out", repository.folder / path) == (6, ["MC0804"])
        assert tree(repository.folder) == before

    def test_a_disk_that_may_not_be_written(
        self, repository: Repository, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def refuse(*_: object, **_keys: object) -> None:
            raise OSError(30, "Read-only file system")

        before = tree(repository.folder)
        with monkeypatch.context() as patched:
            patched.setattr("pathlib.Path.mkdir", refuse)
            assert repository("build", "--fresh") == (6, ["MC0804"])
        assert tree(repository.folder) == before

    def test_a_link_to_a_folder_stays_one(self, repository: Repository) -> None:
        (repository.folder / "out").rename(repository.folder / "real")
        (repository.folder / "out").symlink_to("real")
        repository.flip("a.safetensors", -2)
        assert repository("build") == (0, [])
        assert (repository.folder / "out").is_symlink()
        assert repository.is_sound()
        assert repository("verify") == (0, [])

    def test_a_link_in_the_place_of_a_shard_is_never_written_through(self, repository: Repository) -> None:
        shard, elsewhere = repository.folder / SHARD, repository.folder / "elsewhere"
        shard.rename(elsewhere)
        content = elsewhere.read_bytes()
        shard.symlink_to(elsewhere)
        repository.flip("a.safetensors", -2)
        assert repository("build").exit_code == 0
        assert elsewhere.read_bytes() == content
        assert repository.is_sound()


class TestJournal:
    @pytest.mark.parametrize(
        "damage",
        [
            lambda lines: [lines[0], *lines[:0:-1]],
            lambda lines: lines[:1] * 3,
            lambda lines: [lines[0].replace(b"journal-1", b"journal-2"), *lines[1:]],
            lambda lines: [lines[0], *(line.replace(b" finite", b" not-finite") for line in lines[1:])],
            lambda lines: [line[:20] for line in lines],
            lambda _: [b"\x00" * 5000],
        ],
    )
    def test_none_of_it_is_believed(
        self,
        repository: Repository,
        monkeypatch: pytest.MonkeyPatch,
        damage: Callable[[list[bytes]], list[bytes]],
    ) -> None:
        def stopped(*_: object, **_keys: object) -> None:
            raise OSError(5, "Input/output error")

        repository.flip("a.safetensors", -2)
        before = tree(repository.folder / "out")
        with monkeypatch.context() as patched:
            patched.setattr(PartialOutput, "_move", stopped)
            assert repository("build", "--fresh").codes == ["MC0804"]
        assert tree(repository.folder / "out") == before
        journal = repository.folder / "out.partial" / "mergec.journal"
        journal.write_bytes(b"\n".join(damage(journal.read_bytes().split(b"\n"))))
        # The bytes of a tensor are lost, too, whatever the journal says.
        repository.flip("out.partial/model.safetensors")
        assert repository("build") == (0, [])
        assert repository.is_sound()


def in_place(path: Path, content: bytes) -> None:
    path.write_bytes(content)


def by_name(path: Path, content: bytes) -> None:
    other = path.with_name("other")
    other.write_bytes(content)
    other.replace(path)


@pytest.mark.parametrize("swap", [in_place, by_name])
class TestSwappedSource:
    """A source in whose place there is another of the same size, header and time."""

    @pytest.fixture
    def swapped(self, repository: Repository, swap: Any) -> Repository:
        path = repository.folder / "b.safetensors"
        status = path.stat()
        content = bytearray(path.read_bytes())
        content[-2] ^= 3
        swap(path, bytes(content))
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
        after = path.stat()
        assert (after.st_size, after.st_mtime_ns) == (status.st_size, status.st_mtime_ns)
        return repository

    def test_the_lock_does_not_hold(self, swapped: Repository) -> None:
        before = tree(swapped.folder)
        assert swapped("lock", "--check") == (3, ["MC0855"])
        assert swapped("build", "--locked") == (3, ["MC0855"])
        assert tree(swapped.folder) == before

    def test_a_build_takes_nothing_that_was_made_of_the_other(self, swapped: Repository) -> None:
        assert not swapped.is_sound()
        assert swapped("build") == (0, [])
        assert swapped.is_sound()

    def test_computing_again_tells(self, swapped: Repository) -> None:
        assert swapped("verify", "--rebuild") == (3, ["MC0855"])
        (swapped.folder / "recipe.lock").unlink()
        assert swapped("verify", "--rebuild") == (4, ["MC0892"])


def test_a_clock_that_is_set_back(
    bench: Workbench, mergec_command: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    """All files come from the future then, and no change of one can be told: all is read each time."""
    monkeypatch.setattr("time.time_ns", lambda: 10**18)
    repository = Repository(bench, mergec_command)
    repository.flip("a.safetensors")
    assert repository("lock", "--check") == (3, ["MC0855"])
    assert repository("build") == (0, [])
    assert repository.is_sound()
    assert repository("lock", "--check") == (0, [])
