from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mergec.lock.lock_model import FoundPermutations, LockedDecision, LockedOutput
from mergec.verification.compare_locks import compare_locks
from tests.lock.locking import state_of
from tests.verification.outputs import built

if TYPE_CHECKING:
    from pathlib import Path

    from mergec.lock.lock_model import LockModel
    from tests.conftest import Workbench

OUTPUT = LockedOutput.model_validate(
    {"class": "R0", "files": {"model.safetensors": 10}, "merkle": "1" * 64, "manifest": "2" * 64}
)
FOUND = FoundPermutations(seed=0, objective=2.5, permutations="3" * 64)


@pytest.fixture
def recipe(bench: Workbench) -> Path:
    built(bench)
    return bench.folder / "recipe.yaml"


@pytest.fixture
def model(recipe: Path) -> LockModel:
    return state_of(recipe)


def with_output(model: LockModel, **changes: object) -> LockModel:
    return model.model_copy(update={"output": OUTPUT.model_copy(update=changes)})


def with_found(model: LockModel, found: FoundPermutations | None) -> LockModel:
    return model.model_copy(update={"decisions": {"x": LockedDecision(found=found)}})


def test_the_same(model: LockModel) -> None:
    assert compare_locks(model, model) == {}
    assert compare_locks(with_output(model), with_output(model)) == {}


def test_recipe_and_sources(model: LockModel, recipe: Path) -> None:
    recipe.write_text(recipe.read_text().replace('"a": 0.5', '"a": 0.7').replace('"b": 0.5', '"b": 0.3'))
    path = recipe.parent / "a" / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-1] + b"\1")
    found = compare_locks(model, state_of(recipe))
    assert found["recipe"] == [
        "recipe: models.merged.inputs.a: `0.5` -> `0.7`",
        "recipe: models.merged.inputs.b: `0.5` -> `0.3`",
    ]
    assert found["sources"] == ["source `a`: model.safetensors has other weights under the same header"]
    assert found.keys() == {"recipe", "sources"}


def test_sources_that_come_and_go(model: LockModel) -> None:
    fewer = model.model_copy(update={"sources": {"a": model.sources["a"]}})
    assert compare_locks(model, fewer) == {"sources": ["source `b` is gone"]}
    assert compare_locks(fewer, model) == {"sources": ["source `b` is new"]}


def test_tool(model: LockModel) -> None:
    newer = model.model_copy(update={"tool": model.tool.model_copy(update={"mergec": "9", "numerics": 9})})
    found = compare_locks(model, newer)
    assert found == {"tool": [f"mergec {model.tool.mergec} -> 9", f"numerics {model.tool.numerics} -> 9"]}


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"merkle": "4" * 64}, "other tensors: Merkle root 111111111111... -> 444444444444..."),
        ({"class_": "R1"}, "class R0 -> R1"),
        ({"files": {"model.safetensors": 11, "x": 1}}, "files: 1 -> 2, 3 entries differ"),
        ({"manifest": "5" * 64}, "another manifest"),
    ],
)
def test_output(model: LockModel, changes: dict[str, object], told: str) -> None:
    assert compare_locks(with_output(model), with_output(model, **changes)) == {"output": [told]}


def test_output_or_none(model: LockModel) -> None:
    assert compare_locks(model, with_output(model)) == {"output": ["new: it was built"]}
    assert compare_locks(with_output(model), model) == {"output": ["gone: nothing is built yet"]}


def test_permutations(model: LockModel) -> None:
    others = FOUND.model_copy(update={"permutations": "4" * 64, "objective": 3.0})
    one = with_found(model, FOUND)
    told = {
        "permutations of `x`: others (objective 2.5 -> 3)": with_found(model, others),
        "permutations of `x`: gone": with_found(model, None),
        "permutations of `x`: the same, by another seed or objective": with_found(
            model, FOUND.model_copy(update={"seed": 1})
        ),
    }
    for text, other in told.items():
        assert compare_locks(one, other) == {"decisions": [text]}
    assert compare_locks(model, one) == {"decisions": ["permutations of `x`: found"]}
