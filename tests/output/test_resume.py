"""What a stopped build leaves, and how the next one goes on from it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import mergec
from mergec.output.partial_output import PartialOutput
from tests.conftest import read_checkpoint, tree, write_checkpoint

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from mergec.api import BuildResult
    from tests.conftest import Array, Workbench

COUNT = 6
MIXED = "0.5 * a + 0.5 * b"


@pytest.fixture(params=["out", "out.safetensors"], ids=["directory", "file"])
def path(request: pytest.FixtureRequest) -> Any:
    return request.param


def values(source: int, tensor: int) -> Array:
    return np.random.default_rng([source, tensor]).standard_normal(700).astype(np.float32)


@pytest.fixture(autouse=True)
def _sources(bench: Workbench) -> None:
    for number, name in enumerate("ab"):
        bench.source(name, {f"h.{i}.w": values(number, i) for i in range(COUNT)})


def mean(first: Array, second: Array, weight: float = 0.5) -> Array:
    return first * np.float32(weight) + second * np.float32(1 - weight)


def expected() -> dict[str, Array]:
    return {f"h.{i}.w": mean(values(0, i), values(1, i)) for i in range(COUNT)}


def stop(bench: Workbench, path: str, after: int, **output: object) -> Path:
    """Interrupt a build when so many tensors are finished; what it leaves."""
    left = [after]

    def interrupt(_tensor: int, _bytes: int) -> None:
        left[0] -= 1
        if not left[0]:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt) as caught:
        bench.recipe(MIXED, path=path, **output).build(workers=1, progress=interrupt)
    kept = (
        f"kept {after} of {COUNT} tensors in {bench.folder / path}.partial; the next build goes on from there"
    )
    assert caught.value.__notes__ == [kept]
    return bench.folder / f"{path}.partial"


def resumed(bench: Workbench, path: str, model: Any = MIXED, **options: Any) -> tuple[BuildResult, list[str]]:
    """Build; the result, and the names of the tensors whose bytes were written."""
    written: list[str] = []
    real = PartialOutput.write_at

    def write_at(self: PartialOutput, shard: int, offset: int, buffer: memoryview) -> None:
        written.extend(t.name for t in self._layout.tensors if t.shard == shard and t.offset == offset)
        real(self, shard, offset, buffer)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(PartialOutput, "write_at", write_at)
        made = bench.recipe(model, path=path).build(workers=1, **options)
    left = sorted(p.name for p in bench.folder.iterdir() if p.suffix not in {".yaml", ".lock"})
    assert left == sorted([*(f"{name}.safetensors" for name in bench.sources), path])
    return made, sorted(written)


def assert_holds(out: Path, tensors: dict[str, Array]) -> None:
    found = {name: tensor.values for name, tensor in read_checkpoint(out).items()}
    assert sorted(found) == sorted(tensors)
    for name, array in tensors.items():
        np.testing.assert_array_equal(found[name], array)


NAMES = [f"h.{i}.w" for i in range(COUNT)]


class TestGoingOn:
    @pytest.mark.parametrize("after", [1, 3, COUNT])
    def test_computes_only_what_is_missing(self, bench: Workbench, path: str, after: int) -> None:
        stop(bench, path, after)
        made, written = resumed(bench, path)
        assert written == NAMES[after:]
        assert_holds(made.path, expected())

    def test_gives_the_bytes_of_a_build_that_was_not_stopped(self, bench: Workbench, path: str) -> None:
        stop(bench, path, 3)
        made, _ = resumed(bench, path)
        found = tree(made.path) or made.path.read_bytes()
        whole = bench.recipe(MIXED, path=path).build(workers=1, fresh=True)
        assert (tree(whole.path) or whole.path.read_bytes()) == found

    def test_tells_progress_of_what_is_kept_too(self, bench: Workbench, path: str) -> None:
        stop(bench, path, 3)
        told: list[int] = []
        bench.recipe(MIXED, path=path).build(workers=1, progress=lambda tensor, _: told.append(tensor))
        assert sorted(told) == list(range(COUNT))

    def test_more_than_once(self, bench: Workbench, path: str) -> None:
        stop(bench, path, 2)
        stop(bench, path, 3)  # two of them are told of at once
        assert resumed(bench, path)[1] == NAMES[3:]

    def test_of_values_that_are_no_numbers_is_told_all_the_same(self, bench: Workbench, path: str) -> None:
        bench.source("a", {f"h.{i}.w": np.full(700, np.inf, np.float32) for i in range(COUNT)})
        bench.source("b", {f"h.{i}.w": np.full(700, -np.inf, np.float32) for i in range(COUNT)})
        stop(bench, path, COUNT)
        made, written = resumed(bench, path)
        assert written == []
        (warning,) = (one for one in made.warnings if one.code == "MC0703")
        assert f"and {COUNT - 1} more" in warning.message


class TestWhatIsNotKept:
    def test_tensors_of_another_recipe(self, bench: Workbench, path: str) -> None:
        stop(bench, path, 3)
        weights = {"a": {"weight": {"h.1.w": 0.75, "**": 0.5}}, "b": "rest"}
        made, written = resumed(bench, path, {"op": "linear", "inputs": weights})
        assert_holds(made.path, {**expected(), "h.1.w": mean(values(0, 1), values(1, 1), 0.75)})
        assert written == ["h.1.w", *NAMES[3:]]

    def test_another_layout(self, bench: Workbench, path: str) -> None:
        stop(bench, path, 3)
        made = bench.recipe(MIXED, path=path, dtype="float16").build(workers=1)
        assert {tensor.code for tensor in read_checkpoint(made.path).values()} == {"F16"}
        assert not list(bench.folder.glob("*.partial*"))

    def test_tensors_of_a_source_that_was_written_to(self, bench: Workbench, path: str) -> None:
        stop(bench, path, 3)
        source = bench.folder / "a.safetensors"
        status = source.stat()
        write_checkpoint(source, {f"h.{i}.w": values(9 * (i == 1), i) for i in range(COUNT)})
        os.utime(source, ns=(status.st_atime_ns, status.st_mtime_ns))
        made, written = resumed(bench, path)
        assert written == NAMES
        assert_holds(made.path, {**expected(), "h.1.w": mean(values(9, 1), values(1, 1))})

    def test_a_write_that_never_reached_the_disk(self, bench: Workbench, path: str) -> None:
        partial = stop(bench, path, 3)
        file = partial if partial.is_file() else partial / "model.safetensors"
        data = bytearray(file.read_bytes())
        at = data.index(expected()["h.1.w"].tobytes())
        data[at + 5 : at + 2000] = bytes(1995)
        file.write_bytes(data)
        made, written = resumed(bench, path)
        assert written == ["h.1.w", *NAMES[3:]]
        assert_holds(made.path, expected())

    @pytest.mark.parametrize("size", [0, 100, 5000])
    def test_a_file_whose_end_or_header_is_lost(self, bench: Workbench, path: str, size: int) -> None:
        partial = stop(bench, path, COUNT)
        file = partial if partial.is_file() else partial / "model.safetensors"
        with file.open("r+b") as stream:
            stream.write(bytes(200))
            stream.truncate(size)
        made, written = resumed(bench, path)
        assert written
        assert_holds(made.path, expected())

    def test_anything_where_a_fresh_build_is_asked_for(self, bench: Workbench, path: str) -> None:
        stop(bench, path, 3)
        assert resumed(bench, path, fresh=True)[1] == NAMES

    def test_other_files_of_the_stopped_build(self, bench: Workbench) -> None:
        partial = stop(bench, "out", 3)
        (partial / "config.json").write_text("{}")
        (partial / "sub").mkdir()
        (partial / "sub/tokenizer.json").write_text("{}")
        made, _ = resumed(bench, "out")
        assert not {"config.json", "sub/tokenizer.json"} & set(tree(made.path))

    def test_a_file_that_is_linked_elsewhere_is_not_written_into(
        self, bench: Workbench, tmp_path: Path
    ) -> None:
        partial = stop(bench, "out", 3)
        other = tmp_path / "kept.bin"
        os.link(partial / "model.safetensors", other)
        before = other.read_bytes()
        made = bench.recipe(MIXED).build(workers=1)
        assert_holds(made.path, expected())
        assert other.read_bytes() == before


def forged(text: str) -> str:
    from mergec.output.journal import _line

    return _line(text).decode()


TAMPERED: dict[str, Callable[[str], str | bytes]] = {
    "empty": lambda _: "",
    "no text": lambda _: b"\xff\x00\x9c" * 1000,
    "only the first line": lambda text: text.split("\n")[0],
    "no first line": lambda text: text.partition("\n")[2],
    "a torn line": lambda text: text[:-20],
    "a digest of other bytes": lambda text: text.replace(" finite", "0 finite"),
    "a line of a tensor that there is not": lambda text: text + forged("99 a b finite"),
    "a negative number": lambda text: text + forged("-1 a b finite"),
    "a number of many digits": lambda text: text + forged(f"{'9' * 5000} a b finite"),
    "a digit of another script": lambda text: text + forged("\u0664 a b finite"),
    "a line with a true checksum and a digest of other bytes": lambda text: (
        text + "".join(forged(f"{i} {text.split()[4]} {'0' * 64} finite") for i in range(COUNT))
    ),
    "a line for a tensor that is not finished": lambda text: (
        text + forged(f"5 {text.split(chr(10))[3].split()[2]} {text.split(chr(10))[3].split()[3]} finite")
    ),
}


@pytest.mark.parametrize("how", TAMPERED)
def test_a_journal_that_was_tampered_with(bench: Workbench, path: str, how: str) -> None:
    partial = stop(bench, path, 3)
    journal = (
        partial.with_name(f"{path}.partial.journal") if partial.is_file() else partial / "mergec.journal"
    )
    changed = TAMPERED[how](journal.read_text())
    journal.write_bytes(changed if isinstance(changed, bytes) else changed.encode())
    if path == "out.safetensors" and how in {"no text", "no first line"}:
        with pytest.raises(mergec.MergecError) as caught:  # it may be somebody else's
            bench.recipe(MIXED, path=path).build(workers=1)
        assert [error.code for error in caught.value.errors] == ["MC0801"]
        journal.unlink()
    made, _ = resumed(bench, path)
    assert_holds(made.path, expected())


def test_a_foreign_file_under_the_name_of_the_journal_is_kept(bench: Workbench) -> None:
    journal = bench.folder / "out.safetensors.partial.journal"
    journal.write_text("mine")
    with pytest.raises(mergec.MergecError) as caught:
        bench.recipe(MIXED, path="out.safetensors").build(workers=1)
    assert [error.code for error in caught.value.errors] == ["MC0801"]
    assert journal.read_text() == "mine"


def test_a_source_under_the_name_of_the_journal_is_kept(bench: Workbench) -> None:
    journal = bench.folder / "out.safetensors.partial.journal"
    (bench.folder / "a.safetensors").rename(journal)
    (bench.folder / "a.safetensors").symlink_to(journal.name)
    with pytest.raises(mergec.MergecError) as caught:
        bench.recipe(MIXED, path="out.safetensors").build(workers=1)
    assert [error.code for error in caught.value.errors] == ["MC0802"]


def test_what_is_there_already_needs_no_room(
    bench: Workbench, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    import shutil
    from types import SimpleNamespace

    from mergec.output import shard_files

    stop(bench, path, COUNT)
    monkeypatch.setattr(shard_files, "_SLACK", 0)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=0))
    assert resumed(bench, path)[1] == []


def test_nothing_is_kept_where_nothing_was_finished(
    bench: Workbench, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    recipe = bench.recipe(MIXED, path=path)
    before = tree(bench.folder)
    monkeypatch.setattr(PartialOutput, "write_at", interrupt)
    with pytest.raises(KeyboardInterrupt) as caught:
        recipe.build(workers=1)
    assert not hasattr(caught.value, "__notes__")
    assert tree(bench.folder) == before
