from __future__ import annotations

import errno
import json
import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from jsonschema import Draft202012Validator

from mergec.diagnostics import ExitCode, MergecError, SourceText
from mergec.lock.lock_file import lock_path, read_lock, read_lock_at, write_lock
from mergec.lock.lock_model import FoundPermutations, LockedDecision, LockedOutput
from mergec.lock.lock_schema import lock_schema
from mergec.recipe.yaml_tree import MAX_BYTES, plain, read_yaml
from tests.lock.locking import edited, forged, locked, state_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conftest import Workbench


@pytest.fixture
def recipe(bench: Workbench) -> Path:
    for name in "ab":
        bench.source(name, {"w": np.ones(3, np.float32)})
    bench.recipe({"op": "interpolate", "from": "a", "to": "b", "t": 0.25})
    return bench.folder / "recipe.yaml"


def refused(recipe: Path) -> list[tuple[str, int]]:
    """The codes of what is wrong with a lock, each with its line there (0: no place)."""
    with pytest.raises(MergecError) as caught:
        read_lock(recipe)
    assert caught.value.exit_code is ExitCode.LOCK
    for error in caught.value.errors:
        assert error.span is None or error.span.source.name == str(lock_path(recipe))
        assert error.help
    return [(error.code, error.span.line if error.span else 0) for error in caught.value.errors]


def test_it_lies_beside_the_recipe() -> None:
    assert lock_path(Path("a/recipe.yaml")) == Path("a/recipe.lock")
    assert lock_path(Path("mix.v2.yml")) == Path("mix.v2.lock")
    assert lock_path(Path("recipe")) == Path("recipe.lock")
    assert lock_path(Path("recipe.lock")) == Path("recipe.lock.lock")


def test_what_is_written_is_read(recipe: Path) -> None:
    model = state_of(recipe)
    found = FoundPermutations(seed=0, objective=1234.5, permutations="1" * 64)
    output = LockedOutput(class_="R0", files={"model.safetensors": 12}, merkle="2" * 64, manifest="3" * 64)
    full = model.model_copy(update={"output": output, "decisions": {"m": LockedDecision(found=found)}})
    assert write_lock(recipe, full)
    lock = read_lock(recipe)
    assert lock.model.model_copy(update={"lock": full.lock}) == full
    assert not write_lock(recipe, lock.model)
    assert list(recipe.parent.glob(".*")) == []


def test_it_follows_its_schema(recipe: Path) -> None:
    tree = plain(read_yaml(SourceText("lock", locked(recipe))))
    validator = Draft202012Validator(lock_schema())
    validator.validate(tree)
    assert isinstance(tree, dict)
    assert not validator.is_valid({**tree, "more": 1})
    tree.pop("tool")
    assert not validator.is_valid(tree)


def test_nothing_of_this_machine_or_hour_is_in_it(recipe: Path) -> None:
    first = locked(recipe)
    assert str(recipe.parent) not in first
    lock_path(recipe).unlink()
    for path in recipe.parent.glob("*.safetensors"):
        content = path.read_bytes()
        path.unlink()
        path.write_bytes(content)
    moved = recipe.parent.rename(recipe.parent.with_name("elsewhere"))
    assert locked(moved / "recipe.yaml") == first


def test_formatting_is_no_change(recipe: Path) -> None:
    text = locked(recipe)
    lock_path(recipe).write_bytes(text.replace("\n", "\r\n").encode() + b"# a comment\r\n")
    assert read_lock(recipe).model == state_of_lock(text)


def state_of_lock(text: str) -> Any:
    from mergec.lock.lock_model import LockModel

    return LockModel.model_validate(plain(read_yaml(SourceText("lock", text))))


class TestRefused:
    def test_missing(self, recipe: Path) -> None:
        assert refused(recipe) == [("MC0850", 0)]

    @pytest.mark.parametrize(
        "content",
        [b"", b"[1, 2]", b"a text", b"lock: 1", b"lock: {schema: one}", b"lock: {schema: true}",
         b"lock: {schema: 0}", b"\xff\xfe", b"a: [", b"lock: &a {schema: 1}", b"\0",
         b"<<<<<<< ours\nlock: {schema: 1}\n", b"#" * (MAX_BYTES + 1)],
    )  # fmt: skip
    def test_no_lock(self, recipe: Path, content: bytes) -> None:
        lock_path(recipe).write_bytes(content)
        assert [code for code, _ in refused(recipe)] == ["MC0851"]

    def test_what_the_reader_of_recipes_says_is_said_of_the_lock(self, recipe: Path) -> None:
        lock_path(recipe).write_bytes(b"")
        with pytest.raises(MergecError) as caught:
            read_lock(recipe)
        assert caught.value.diagnostics[0].message.endswith("is no lock: it is empty")

    def test_a_pipe(self, recipe: Path) -> None:
        os.mkfifo(lock_path(recipe))
        assert refused(recipe) == [("MC0851", 0)]

    def test_a_folder(self, recipe: Path) -> None:
        lock_path(recipe).mkdir()
        assert refused(recipe) == [("MC0851", 0)]

    @pytest.mark.parametrize(
        ("edit", "marked"),
        [
            (lambda text: text.replace("numerics:", "numeric:"), "numeric:"),
            (lambda text: f"{text}extra: 1\n", "extra:"),
            (lambda text: text.replace("language: 1", "language: one"), "language:"),
            (lambda text: text.replace("  numerics: 2\n", ""), "tool:"),
            (lambda text: text.replace("keys: ", "keys: x"), "keys:"),
        ],
    )
    def test_of_another_form(self, recipe: Path, edit: Callable[[str], str], marked: str) -> None:
        edited(recipe, edit)
        lines = lock_path(recipe).read_text().splitlines()
        for code, line in refused(recipe):
            assert code == "MC0851"
            assert lines[line - 1].strip().startswith(marked)

    def test_of_a_newer_schema(self, recipe: Path) -> None:
        edited(recipe, lambda text: text.replace("schema: 1", "schema: 2").replace("tool:", "tools:"))
        assert refused(recipe) == [("MC0852", 3)]

    @pytest.mark.parametrize(
        "edit",
        [
            lambda text: text.replace("size: ", "size: 1"),
            lambda text: text.replace("numerics: 2", "numerics: 3"),
            lambda text: text.replace("t: 0.25", "t: 0.5"),
            lambda text: text.replace("path: a.safe", "path: c.safe"),
        ],
    )
    def test_edited(self, recipe: Path, edit: Callable[[str], str]) -> None:
        edited(recipe, edit)
        ((code, _),) = refused(recipe)
        assert code in {"MC0853", "MC0851"}

    def test_a_recipe_that_is_not_what_it_is_said_to_be(self, recipe: Path) -> None:
        model = state_of(recipe)
        assert model.recipe.content is not None
        content = {**model.recipe.content, "models": {}}
        forged(
            recipe, model.model_copy(update={"recipe": model.recipe.model_copy(update={"content": content})})
        )
        assert refused(recipe) == [("MC0853", 3)]

    def test_of_another_recipe(self, recipe: Path) -> None:
        other = recipe.with_suffix(".yml")
        other.write_text(recipe.read_text())
        locked(other)
        assert refused(recipe) == [("MC0854", 6)]

    def test_a_checksum_alone_proves_nothing(self, recipe: Path) -> None:
        model = state_of(recipe)
        forged(recipe, model.model_copy(update={"tool": model.tool.model_copy(update={"numerics": 7})}))
        assert read_lock(recipe).model.tool.numerics == 7


class TestByItsOwnName:
    def test_any_will_do(self, recipe: Path, tmp_path: Path) -> None:
        text = locked(recipe)
        copy = tmp_path / "of-last-week.lock"
        copy.write_text(text)
        found = read_lock_at(copy)
        assert (found.path, found.model) == (copy, read_lock(recipe).model)
        assert found.span("recipe").source.name == str(copy)

    def test_what_is_wrong_with_it_is_told_all_the_same(self, recipe: Path, tmp_path: Path) -> None:
        copy = tmp_path / "copy"
        copy.write_text(locked(recipe).replace("0.25", "0.75"))
        with pytest.raises(MergecError, match="MC0853"):
            read_lock_at(copy)
        with pytest.raises(MergecError, match="MC0850"):
            read_lock_at(tmp_path / "nothing")


class TestWriting:
    def test_a_link_stays_one(self, recipe: Path) -> None:
        (recipe.parent / "locks").mkdir()
        link = lock_path(recipe)
        link.symlink_to(recipe.parent / "locks" / "mine.lock")
        locked(recipe)
        assert link.is_symlink()
        assert (recipe.parent / "locks" / "mine.lock").is_file()

    def test_what_a_killed_process_left_is_removed(self, recipe: Path) -> None:
        child = os.fork()
        if not child:
            os._exit(0)
        os.waitpid(child, 0)
        names = [f".recipe.lock.{number}.partial" for number in (child, os.getppid(), "x", "", "9" * 30)]
        for name in names:
            recipe.with_name(name).write_text("lock:")
        locked(recipe)
        left = sorted(path.name for path in recipe.parent.glob(".recipe*"))
        assert left == sorted(names[1:4])

    def test_links_in_a_circle(self, recipe: Path) -> None:
        lock_path(recipe).symlink_to(lock_path(recipe))
        with pytest.raises(MergecError, match="MC0856"):
            locked(recipe)

    def test_others_may_read_it(self, recipe: Path) -> None:
        locked(recipe)
        plainly = recipe.parent / "plainly"
        plainly.touch()
        assert stat.S_IMODE(lock_path(recipe).stat().st_mode) == stat.S_IMODE(plainly.stat().st_mode)

    def test_it_is_on_the_disk_before_it_takes_the_place_of_another(
        self, recipe: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        calls: list[str] = []
        fsync, move = os.fsync, os.replace
        model = state_of(recipe)

        def noting_fsync(file: int) -> None:
            calls.append("fsync")
            fsync(file)

        def noting_move(old: Path, new: Path) -> None:
            calls.append("replace")
            move(old, new)

        monkeypatch.setattr(os, "fsync", noting_fsync)
        monkeypatch.setattr(os, "replace", noting_move)
        write_lock(recipe, model)
        assert calls == ["fsync", "replace"]

    def test_no_room(self, recipe: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        before = locked(recipe)
        document = json.loads(recipe.read_text())
        document["models"]["merged"]["t"] = 0.5
        recipe.write_text(json.dumps(document))

        def full(path: Path, content: bytes) -> int:
            with path.open("wb") as stream:
                stream.write(content[:10])
            raise OSError(errno.ENOSPC, "No space left on device")

        monkeypatch.setattr(Path, "write_bytes", full)
        with pytest.raises(MergecError) as caught:
            locked(recipe)
        assert [error.code for error in caught.value.errors] == ["MC0856"]
        assert caught.value.exit_code is ExitCode.RESOURCES
        assert lock_path(recipe).read_text() == before
        assert list(recipe.parent.glob(".*")) == []
