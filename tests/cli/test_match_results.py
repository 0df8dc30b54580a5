from __future__ import annotations

from pathlib import Path

import numpy as np

from mergec.cli.match_results import match_results, result_document, result_lines
from mergec.ir.matching import Matching, MatchUse
from mergec.ir.plan import MatchTask
from mergec.ir.symmetry import Group, Symmetry
from mergec.symmetries.matching.solution import GroupGain, ModelMatch, Solution

SYMMETRY = Symmetry(
    (Group("res", 16, is_frozen=True), *(Group(f"layers.{i}/ffn", 8) for i in range(4)), Group("head", 5)), ()
)


def model(kept: int) -> ModelMatch:
    """A model of which so many of the five groups stay as they are."""
    gains = tuple(
        GroupGain(1 + i, 1.0, 1.0 if i < kept else 3.0, 4.0, is_identity=i < kept) for i in range(5)
    )
    return ModelMatch(10.0, 30.0, 40.0, (25.0, 29.0, 30.0, 30.0), gains)


def task(*uses: MatchUse) -> MatchTask:
    return MatchTask(Matching(SYMMETRY, len(uses[0].together), 0, 100), (), uses, 1, 0)


def use(made: str, moved: str, row: int, save: Path | None = None) -> MatchUse:
    return MatchUse(made, moved, "a", row, ("b", "c"), save)


def lines(*kept: int) -> list[str]:
    models = tuple(model(count) for count in kept)
    together = ("b", "c")[: len(kept)]
    one = MatchUse("aligned", "b", "a", 0, together)
    vectors = tuple(np.zeros(1, np.int32) for _ in kept)
    return list(result_lines(match_results([task(one)], [Solution(vectors, models)])))


def test_a_row_for_each_kind_of_group() -> None:
    assert lines(0) == [
        "b to a: similarity 0.250 -> 0.750 in 3 sweeps",
        "  layers.{0-3}/ffn  4 groups  gain 0.500  0.250 -> 0.750",
        "  head               1 group  gain 0.500  0.250 -> 0.750",
    ]


def test_what_stays_as_it_is_is_counted() -> None:
    assert lines(3) == [
        "b to a: similarity 0.250 -> 0.750 in 3 sweeps",
        "  layers.{0-3}/ffn  4 groups  gain 0.125  0.250 -> 0.375  identity kept in 3",
        "  head               1 group  gain 0.500  0.250 -> 0.750",
    ]


def test_a_sentence_where_nearly_nothing_moves() -> None:
    assert lines(5)[-1] == (
        "  the identity was already best for 5 of 5 groups: `b` and `a` are in the same order already, "
        "as fine-tunes of one model are"
    )
    assert not any("already" in line for line in lines(4))


def test_every_model_has_its_own_part() -> None:
    assert [line for line in lines(0, 5) if line.startswith(("b", "c"))] == [
        "b to a: similarity 0.250 -> 0.750 in 3 sweeps",
        "c to a: similarity 0.250 -> 0.750 in 3 sweeps",
    ]


def test_nothing_to_compare_with() -> None:
    found = ModelMatch(0.0, 0.0, 0.0, (0.0,), (GroupGain(1, -0.0, 0.0, 0.0, is_identity=True),))
    one = MatchUse("aligned", "b", "a", 0, ("b",))
    text = list(result_lines(match_results([task(one)], [Solution((np.zeros(1, np.int32),), (found,))])))
    assert text[0] == "b to a: similarity 0.000 -> 0.000 in 0 sweeps"


def test_files_are_told_once_for_each_model() -> None:
    uses = use("x", "b", 0, Path("b.st")), use("y", "b", 0), use("z", "c", 1, Path("c.st"))
    solution = Solution((np.zeros(1, np.int32),) * 2, (model(0), model(1)))
    results = match_results([task(*uses)], [solution])
    assert [(one.model, one.saved) for one in results] == [("b", ("b.st",)), ("c", ("c.st",))]


def test_a_document_tells_everything() -> None:
    (result, _) = match_results(
        [task(use("x", "b", 0))], [Solution((np.zeros(1, np.int32),) * 2, (model(1), model(0)))]
    )
    document = result_document(result)
    assert document["sweeps"] == [25.0, 29.0, 30.0, 30.0]
    assert (document["identity"], document["objective"], document["norm"]) == (10.0, 30.0, 40.0)
    assert document["groups"][0] == {
        "group": "layers.0/ffn",
        "size": 8,
        "members": 1,
        "identity": 1.0,
        "objective": 1.0,
        "norm": 4.0,
        "kept_identity": True,
    }
    assert len(document["groups"]) == 5
