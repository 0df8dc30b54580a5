from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

from mergec.diagnostics import MergecError, Report
from mergec.ir.matching import Matching, MatchUse
from mergec.ir.plan import MatchTask
from mergec.ir.symmetry import Group, Symmetry
from mergec.output.saved_permutations import check_saves, save_permutations
from mergec.symmetries.matching.solution import ModelMatch, Solution

if TYPE_CHECKING:
    from pathlib import Path

SYMMETRY = Symmetry((Group("h", 2), Group("v", 3, parent=0)), ())
FIRST = np.array([1, 0, 2, 1, 0, 0, 1, 2], np.int32)
SECOND = np.array([0, 1, 0, 1, 2, 1, 2, 0], np.int32)
SOLUTION = Solution(
    (FIRST, SECOND), (ModelMatch(1.0, 3.0, 4.0, (2.0, 3.0), ()), ModelMatch(1.5, 2.5, 4.0, (2.5,), ()))
)


def task(*saves: tuple[int, Path | None]) -> MatchTask:
    together = ("b", "c")
    uses = tuple(
        MatchUse(f"made{i}", together[row], "a", row, together, save) for i, (row, save) in enumerate(saves)
    )
    return MatchTask(Matching(SYMMETRY, 2, 7, 100), (), uses, 1, 0)


def found(
    *tasks: MatchTask, inputs: tuple[Path, ...] = (), force: bool = False, output: Path | None = None
) -> list[str]:
    report = Report()
    check_saves(tasks, inputs, force=force, report=report, output=output)
    return [one.code for one in report.diagnostics]


def test_each_model_has_its_own_row(tmp_path: Path) -> None:
    b, c = tmp_path / "b", tmp_path / "c"
    save_permutations([task((1, c), (0, None), (0, b))], [SOLUTION])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["b", "c"]
    assert {name: value.tolist() for name, value in load_file(b).items()} == {
        "h": [1, 0],
        "v": [[2, 1, 0], [0, 1, 2]],
    }
    assert {name: value.tolist() for name, value in load_file(c).items()} == {
        "h": [0, 1],
        "v": [[0, 1, 2], [1, 2, 0]],
    }
    with safe_open(c, "np") as file:
        about = json.loads(file.metadata()["mergec"])
    assert about["objective"] == {"identity": 1.5, "by sweep": [2.5]}
    assert (about["model"], about["anchor"], about["seed"]) == ("c", "a", 7)


def test_a_file_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(MergecError) as caught:
        save_permutations([task((0, tmp_path / "nowhere" / "p"))], [SOLUTION])
    assert [one.code for one in caught.value.errors] == ["MC0806"]


def test_places_that_are_fine(tmp_path: Path) -> None:
    place = tmp_path / "p"
    assert found(task((0, place), (0, place), (1, tmp_path / "other"), (1, None))) == []
    save_permutations([task((0, place))], [SOLUTION])
    assert found(task((0, place))) == [], "its own file may be written again"


def test_the_place_of_the_output_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "out"
    folder.mkdir()
    for place in (folder / "p", folder / "." / "sub" / ".." / "p"):
        assert found(task((0, place)), output=folder, force=True) == ["MC0806"]
    assert found(task((0, tmp_path / "o")), output=tmp_path / "." / "o") == ["MC0806"]
    assert found(task((0, tmp_path / "outer")), output=folder) == []


def test_places_that_are_refused(tmp_path: Path) -> None:
    checkpoint = tmp_path / "checkpoint"
    save_file({"w": np.ones(2, np.float32)}, checkpoint)
    assert found(task((0, tmp_path / "nowhere" / "p"))) == ["MC0806"]
    assert found(task((0, tmp_path / "p"), (1, tmp_path / "p"))) == ["MC0806"]
    assert found(task((0, tmp_path / "p")), task((0, tmp_path / "p"))) == ["MC0806"]
    assert found(task((0, tmp_path / "p"), (1, tmp_path / "." / "p"))) == ["MC0806"]
    assert found(task((0, checkpoint))) == ["MC0801"]
    assert found(task((0, checkpoint)), force=True) == []
    assert found(task((0, checkpoint)), inputs=(checkpoint,), force=True) == ["MC0802"]
    (tmp_path / "link").symlink_to(checkpoint)
    assert found(task((0, tmp_path / "link")), inputs=(checkpoint,)) == ["MC0802"]


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    assert found(task((0, tmp_path / "folder"))) == ["MC0806"]
