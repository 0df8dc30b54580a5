from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest

from mergec.diagnostics import ExitCode, MergecError, Report
from mergec.lock import current_state
from mergec.lock.file_stamp import FileStamp
from mergec.lock.lock_file import lock_path, read_lock, write_lock
from mergec.lock.lock_model import FoundPermutations, LockedOutput
from mergec.lock.recipe_lock import RecipeState, check_locked, check_output, lock_to_refresh, refreshed_lock
from mergec.pipeline import compile_recipe
from tests.lock.locking import edited, locked, state_of

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Workbench

OUTPUT = LockedOutput(class_="R0", files={"model.safetensors": 12}, merkle="2" * 64, manifest="3" * 64)
FOUND = {"aligned": FoundPermutations(seed=0, objective=1.5, permutations="4" * 64)}


@pytest.fixture
def recipe(bench: Workbench) -> Path:
    for name in "ab":
        bench.folder_source(name, {"w": np.ones(3, np.float32)}, config__json="{}")
    bench.recipe({"op": "interpolate", "from": "a", "to": "b", "t": 0.25})
    return bench.folder / "recipe.yaml"


def set_t(recipe: Path, t: float) -> None:
    document = json.loads(recipe.read_text())
    document["models"]["merged"]["t"] = t
    recipe.write_text(json.dumps(document))


class TestState:
    def test_nothing_waits_where_all_is_known(self, recipe: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(FileStamp, "is_settled", lambda _stamp, _now: True)
        compiled = compile_recipe(recipe, {}, Report())
        for is_known in (False, True):
            read: list[int] = []
            with RecipeState(
                recipe, compiled.recipe, compiled.sources, compiled.checked, progress=read.append
            ) as state:
                assert (state.start() == 0) is is_known
                assert state.is_known is is_known
                assert list(state.keys()) == ["w"]
                assert state.model.tensors.count == 1
            assert bool(read) is not is_known

    def test_who_does_not_start_it_waits_longer(self, recipe: Path) -> None:
        compiled = compile_recipe(recipe, {}, Report())
        with RecipeState(recipe, compiled.recipe, compiled.sources, compiled.checked) as state:
            assert state.model == state_of(recipe)

    def test_a_source_that_goes_away(self, recipe: Path) -> None:
        compiled = compile_recipe(recipe, {}, Report())
        (recipe.parent / "b" / "model.safetensors").unlink()
        with (
            RecipeState(recipe, compiled.recipe, compiled.sources, compiled.checked) as state,
            pytest.raises(MergecError, match="MC0201"),
        ):
            state.start()


class TestRefreshed:
    def test_a_build_adds_what_it_wrote(self, recipe: Path) -> None:
        model = refreshed_lock(None, state_of(recipe), OUTPUT, FOUND)
        assert model.output == OUTPUT
        assert model.decisions["aligned"].found == FOUND["aligned"]
        write_lock(recipe, model)
        check_locked(read_lock(recipe), state_of(recipe))

    def test_without_one_it_stays_while_the_rest_holds(self, recipe: Path) -> None:
        write_lock(recipe, refreshed_lock(None, state_of(recipe), OUTPUT, FOUND))
        same = refreshed_lock(read_lock(recipe), state_of(recipe))
        assert same.output == OUTPUT
        assert same.decisions["aligned"].found == FOUND["aligned"]
        set_t(recipe, 0.5)
        changed = refreshed_lock(read_lock(recipe), state_of(recipe))
        assert changed.output is None
        assert changed.decisions == {}

    def test_where_nothing_changes_the_lock_stays(
        self, recipe: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        write_lock(recipe, refreshed_lock(None, state_of(recipe), OUTPUT, FOUND))
        before = lock_path(recipe).read_text()
        monkeypatch.setattr(current_state, "__version__", "9.9.9")
        for output, found in ((None, None), (OUTPUT, FOUND)):
            lock = read_lock(recipe)
            assert not write_lock(recipe, refreshed_lock(lock, state_of(recipe), output, found))
        assert lock_path(recipe).read_text() == before
        other = OUTPUT.model_copy(update={"merkle": "5" * 64})
        assert write_lock(recipe, refreshed_lock(read_lock(recipe), state_of(recipe), other))
        assert "mergec: 9.9.9" in lock_path(recipe).read_text()

    def test_what_may_be_replaced(self, recipe: Path) -> None:
        assert lock_to_refresh(recipe) is None
        locked(recipe)
        assert lock_to_refresh(recipe) == read_lock(recipe)
        edited(recipe, lambda text: text.replace("t: 0.25", "t: 0.5"))
        assert lock_to_refresh(recipe) is None

    def test_what_may_not(self, recipe: Path) -> None:
        for text in ("a: file of another program", locked(recipe).replace("schema: 1", "schema: 2")):
            lock_path(recipe).write_text(text)
            with pytest.raises(MergecError) as caught:
                lock_to_refresh(recipe)
            assert caught.value.exit_code is ExitCode.LOCK

    def test_the_lock_of_another_recipe_that_is_there_is_kept(self, recipe: Path) -> None:
        other = recipe.with_suffix(".yml")
        other.write_text(recipe.read_text())
        locked(other)
        with pytest.raises(MergecError, match="MC0854"):
            lock_to_refresh(recipe)
        other.unlink()
        assert lock_to_refresh(recipe) is None


def test_every_difference_is_told_at_its_place(recipe: Path) -> None:
    locked(recipe)
    set_t(recipe, 0.5)
    file = recipe.parent / "b" / "model.safetensors"
    file.write_bytes(file.read_bytes()[:-1] + b"\x01")
    with pytest.raises(MergecError) as caught:
        check_locked(read_lock(recipe), state_of(recipe))
    assert caught.value.exit_code is ExitCode.LOCK
    lines = lock_path(recipe).read_text().splitlines()
    found = [(one.code, lines[one.span.line - 1].strip()) for one in caught.value.errors if one.span]
    assert found == [("MC0855", "t: 0.25"), ("MC0855", "model.safetensors:")]


class TestOutput:
    def test_one_that_was_promised(self, recipe: Path) -> None:
        write_lock(recipe, refreshed_lock(None, state_of(recipe), OUTPUT, FOUND))
        check_output(read_lock(recipe), "2" * 64, FOUND)

    def test_one_that_nobody_promised(self, recipe: Path) -> None:
        locked(recipe)
        check_output(read_lock(recipe), "2" * 64, FOUND)

    @pytest.mark.parametrize(
        ("merkle", "permutations", "line"),
        [("5" * 64, "4" * 64, "merkle: "), ("2" * 64, "5" * 64, "found:")],
    )
    def test_another(self, recipe: Path, merkle: str, permutations: str, line: str) -> None:
        write_lock(recipe, refreshed_lock(None, state_of(recipe), OUTPUT, FOUND))
        found = {"aligned": FOUND["aligned"].model_copy(update={"permutations": permutations})}
        with pytest.raises(MergecError) as caught:
            check_output(read_lock(recipe), merkle, found)
        assert caught.value.exit_code is ExitCode.VERIFICATION
        (error,) = caught.value.errors
        assert error.code == "MC0857"
        assert error.span is not None
        assert lock_path(recipe).read_text().splitlines()[error.span.line - 1].strip().startswith(line)
