"""What a match has found is not looked for again, and never believed where it may be another's."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import mergec
from mergec.execute import run_plan
from mergec.lock import kept_matches
from mergec.lock.file_stamp import FileStamp
from mergec.lock.solution_file import solution_bytes
from mergec.symmetries.matching import solve as solver
from mergec.symmetries.matching.solution import Solution
from tests.cli.aligned import write_aligned
from tests.cli.conftest import mergec_command
from tests.conftest import read_checkpoint, tree

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from click.testing import Result

__all__ = ["mergec_command"]
RECIPE = """\
mergec: 1
sources: {a: a.safetensors, b: b.safetensors, c: c.safetensors}
models:
  b_aligned: {op: align, model: b, to: a, symmetry: mlp, seed: 3}
  c_aligned: {op: align, model: c, to: b_aligned, symmetry: mlp}
  mean: 0.4 * a + 0.3 * b_aligned + 0.3 * c_aligned
output: {model: mean, path: out}
"""


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of matches; the sources of these tests are new, and count as if they were not."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(FileStamp, "is_settled", lambda _stamp, _now: True)
    return tmp_path / "cache" / "mergec" / "matches"


@pytest.fixture
def solved(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Gets an entry for every match that is solved."""
    found: list[int] = []
    real = solver.solve

    def solve(*arguments: Any) -> Solution:
        found.append(len(found))
        return real(*arguments)

    monkeypatch.setattr(solver, "solve", solve)
    return found


@pytest.fixture
def recipe(tmp_path: Path, solved: list[int]) -> Path:
    """A recipe of two matches, of which one rests on the other, that has been built."""
    path = write_aligned(tmp_path, RECIPE)
    mergec.load(path).build()
    assert len(solved) == 2
    solved.clear()
    return path


def edit(recipe: Path, old: str, new: str) -> None:
    text = recipe.read_text()
    assert old in text
    recipe.write_text(text.replace(old, new))


def change_source(recipe: Path, name: str, at: int = -1) -> None:
    path = recipe.parent / f"{name}.safetensors"
    content = bytearray(path.read_bytes())
    content[at] ^= 1
    path.write_bytes(content)


def moved(file: Path) -> tuple[str, bytes]:
    """The key of a file of the cache, and a file of that key with other permutations, sealed as ours are."""
    key = file.stem
    content = file.read_bytes()
    line, _, data = content[:-32].partition(b"\n")
    vector = np.frombuffer(data, "<i4").copy()
    vector[:8] = np.roll(vector[:8], 1)
    head = json.loads(line)
    models = [solution_model(one) for one in head["models"]]
    return key, solution_bytes(key, Solution((vector,), tuple(models)))


def solution_model(one: dict[str, Any]) -> Any:
    from mergec.symmetries.matching.solution import GroupGain, ModelMatch

    gains = tuple(GroupGain(*gain) for gain in one["gains"])
    return ModelMatch(one["identity"], one["objective"], one["norm"], tuple(one["sweeps"]), gains)


class TestKnown:
    def test_another_weight_needs_no_match(
        self, recipe: Path, solved: list[int], mergec_command: Callable[..., Result]
    ) -> None:
        edit(recipe, "0.4 * a + 0.3 * b", "0.3 * a + 0.4 * b")
        result = mergec_command("build", recipe)
        assert (result.exit_code, solved) == (0, [])
        assert result.stdout.count(", known from an earlier build\n") == 2
        kept = read_checkpoint(recipe.parent / "out")
        lock = (recipe.parent / "recipe.lock").read_bytes()
        fresh = mergec_command("build", recipe, "--fresh")
        assert (len(solved), fresh.stdout.count("known")) == (2, 0)
        assert read_checkpoint(recipe.parent / "out") == kept
        assert (recipe.parent / "recipe.lock").read_bytes() == lock

    def test_for_machines(
        self, recipe: Path, solved: list[int], mergec_command: Callable[..., Result]
    ) -> None:
        matches = json.loads(mergec_command("build", recipe, "--json").stdout)["matches"]
        assert [one["known"] for one in matches] == [True, True]
        matches = json.loads(mergec_command("build", recipe, "--json", "--fresh").stdout)["matches"]
        assert [one["known"] for one in matches] == [False, False]
        assert len(solved) == 2

    def test_it_is_known_for_a_build_that_was_stopped(
        self, tmp_path: Path, solved: list[int], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def stop(*_: object) -> None:
            raise KeyboardInterrupt

        path = write_aligned(tmp_path, RECIPE)
        with monkeypatch.context() as patched:
            patched.setattr(run_plan, "run_plan", stop)
            with pytest.raises(KeyboardInterrupt):
                mergec.load(path).build()
        assert len(solved) == 2
        mergec.load(path).build()
        assert len(solved) == 2

    def test_files_of_the_recipe_are_written_all_the_same(self, recipe: Path, solved: list[int]) -> None:
        edit(recipe, "symmetry: mlp, seed: 3", "symmetry: mlp, seed: 3, save_permutations: p.safetensors")
        mergec.load(recipe).build()
        assert solved == []
        assert (recipe.parent / "p.safetensors").exists()

    def test_another_place_of_the_same_sources(self, recipe: Path, solved: list[int], tmp_path: Path) -> None:
        (tmp_path / "elsewhere").mkdir()
        for name in ("a.safetensors", "b.safetensors", "c.safetensors", "recipe.yaml"):
            (tmp_path / "elsewhere" / name).write_bytes((recipe.parent / name).read_bytes())
        other = tmp_path / "elsewhere" / "recipe.yaml"
        mergec.load(other).build()  # digests are not known yet: nobody waits for them
        assert len(solved) == 2
        mergec.load(other).build()
        assert len(solved) == 2
        assert tree(tmp_path / "elsewhere" / "out") == tree(recipe.parent / "out")

    def test_what_the_plan_says(
        self, recipe: Path, cache: Path, solved: list[int], mergec_command: Callable[..., Result]
    ) -> None:
        def reuse() -> Any:
            return json.loads(mergec_command("plan", recipe, "--json").stdout)["reuse"]

        assert reuse()["reused"] == 6
        edit(recipe, "0.4 * a + 0.3 * b", "0.3 * a + 0.4 * b")
        (made,) = reuse()["made"]
        assert (made["kind"], made["why"], len(made["tensors"])) == ("recipe", "weights of `a` and `b`", 6)
        for file in cache.iterdir():
            file.unlink()
        assert {one["kind"]: one["tensors"] for one in reuse()["made"]} == {
            "unsolved": ["0.bias", "0.weight", "2.bias", "2.weight", "4.weight"],
            "recipe": ["4.bias"],  # no permutation moves it
        }
        assert (reuse()["unknown"], solved) == (5, [])


class TestVerifying:
    def test_what_the_lock_tells_of_is_not_looked_for(
        self, recipe: Path, solved: list[int], mergec_command: Callable[..., Result]
    ) -> None:
        for option in (["--rebuild"], ["--sample", 3]):
            assert mergec_command("verify", "--recipe", recipe, *option).exit_code == 0
        assert solved == []

    def test_without_a_lock_it_is(
        self, recipe: Path, solved: list[int], mergec_command: Callable[..., Result]
    ) -> None:
        recipe.with_suffix(".lock").unlink()
        assert mergec_command("verify", "--recipe", recipe, "--rebuild").exit_code == 0
        assert len(solved) == 2

    def test_nor_is_what_the_lock_does_not_tell_of_believed(
        self, recipe: Path, cache: Path, solved: list[int], mergec_command: Callable[..., Result]
    ) -> None:
        for file in sorted(cache.iterdir()):
            file.write_bytes(moved(file)[1])
        assert mergec_command("verify", "--recipe", recipe, "--rebuild").exit_code == 0
        assert len(solved) == 2


class TestUnknown:
    @pytest.mark.parametrize(("name", "count"), [("a", 2), ("b", 2), ("c", 1)])
    def test_one_byte_of_what_is_compared(
        self, recipe: Path, solved: list[int], name: str, count: int
    ) -> None:
        change_source(recipe, name)
        mergec.load(recipe).build()
        assert len(solved) == count

    def test_another_setting(self, recipe: Path, solved: list[int]) -> None:
        edit(recipe, "seed: 3", "seed: 4")
        mergec.load(recipe).build()
        # What the other match rests on is not known before this one is solved.
        assert len(solved) == 2

    @pytest.mark.parametrize(
        "damage",
        [
            lambda _content: b"",
            lambda content: content[:-1],
            lambda content: content[:40] + bytes([content[40] ^ 1]) + content[41:],
            lambda content: content[:-40] + bytes([content[-40] ^ 1]) + content[-39:],
        ],
    )
    def test_a_damaged_file(
        self, recipe: Path, cache: Path, solved: list[int], damage: Callable[[bytes], bytes]
    ) -> None:
        before = tree(recipe.parent / "out")
        for file in cache.iterdir():
            file.write_bytes(damage(file.read_bytes()))
        mergec.load(recipe).build(fresh=False)
        assert len(solved) == 2
        assert tree(recipe.parent / "out") == before

    def test_no_permutations_of_the_symmetry(self, recipe: Path, cache: Path, solved: list[int]) -> None:
        for file in cache.iterdir():
            line, _, data = file.read_bytes()[:-32].partition(b"\n")
            models = tuple(solution_model(one) for one in json.loads(line)["models"])
            twice = np.zeros(len(data) // 4, np.int32)
            file.write_bytes(solution_bytes(file.stem, Solution((twice,), models)))
        mergec.load(recipe).build()
        assert len(solved) == 2

    def test_those_of_another_match(self, recipe: Path, cache: Path, solved: list[int]) -> None:
        first, second = sorted(cache.iterdir())
        content = first.read_bytes()
        first.write_bytes(second.read_bytes())
        second.write_bytes(content)
        mergec.load(recipe).build()
        assert len(solved) == 2

    def test_a_lock_that_tells_of_others(self, recipe: Path, cache: Path, solved: list[int]) -> None:
        before = tree(recipe.parent / "out")
        for file in sorted(cache.iterdir()):
            file.write_bytes(moved(file)[1])
        mergec.load(recipe).build(locked=True)
        assert len(solved) == 2
        assert tree(recipe.parent / "out") == before

    def test_a_folder_that_cannot_be_written(self, tmp_path: Path, solved: list[int], cache: Path) -> None:
        cache.parent.mkdir(parents=True)
        cache.write_text("a file")
        path = write_aligned(tmp_path, RECIPE)
        mergec.load(path).build()
        mergec.load(path).build()
        assert len(solved) == 4


def test_the_oldest_are_forgotten(
    recipe: Path, cache: Path, solved: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept_matches, "LARGEST", 3)
    for seed in range(4, 9):
        edit(recipe, f"seed: {seed - 1}", f"seed: {seed}")
        mergec.load(recipe).build()
    assert len(list(cache.iterdir())) == 3
    assert len(solved) == 10
