from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from mergec.ir.symmetry import Factor, Group, SymmetricTensor, Symmetry
from mergec.symmetries.element import random_element
from mergec.symmetries.self_test import laws
from mergec.symmetries.self_test.laws import check_laws
from mergec.symmetries.self_test_errors import LawBroken, NothingMoved
from tests.symmetries.self_test.networks import RIGHT, renamed, weights

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16", "int8", "uint16", "bool"])
def test_laws_hold_in_any_dtype(dtype: str) -> None:
    values = {name: (value > 0 if dtype == "bool" else value * 9) for name, value in weights().items()}
    found = check_laws(RIGHT, {name: value.astype(dtype) for name, value in values.items()}, "m", 0)
    assert found.problems == ()
    assert found.tensors == 5


def test_nan_and_both_zeros_are_values_like_others() -> None:
    values = weights()
    values["0.bias"][:] = [np.nan, 0.0, -0.0, np.inf, 1.0]
    assert check_laws(RIGHT, values, "m", 0).problems == ()


def test_families_count_the_tensors_that_moved() -> None:
    values = weights()
    values["2.bias"][:] = 0.0
    found = check_laws(renamed("a", "b"), values, "m", 0).families
    assert [(one.family, one.groups, one.moved) for one in found] == [("a", 1, 3), ("b", 1, 2)]
    found = check_laws(RIGHT, values, "m", 0).families
    assert [(one.family, one.groups, one.moved) for one in found] == [("units", 2, 4)]


def test_values_that_are_all_alike_prove_nothing() -> None:
    values = weights() | {"2.bias": np.zeros(6), "4.weight": np.ones((2, 6))}
    values["2.weight"] = np.broadcast_to(values["2.weight"][:1], (6, 5)).copy()
    (problem,) = check_laws(renamed("a", "b"), values, "m", 0).problems
    assert isinstance(problem, NothingMoved)
    assert problem.family == "`b`"


def test_groups_of_one_unit_are_nothing_to_test() -> None:
    group = Group("one", 1)
    tensor = SymmetricTensor(("w",), (1, 3), (((Factor(1, 0),),), ((Factor(3),),)))
    (problem,) = check_laws(Symmetry((group,), (tensor,)), {"w": np.ones((1, 3))}, "m", 0).problems
    assert isinstance(problem, NothingMoved)


class OneAtATime(Mapping[str, "NDArray[Any]"]):
    """Tensors that are made when they are asked for; tells which were."""

    def __init__(self, tensors: Mapping[str, NDArray[Any]]) -> None:
        self._tensors = tensors
        self.asked: list[str] = []

    def __getitem__(self, name: str) -> NDArray[Any]:
        self.asked.append(name)
        return self._tensors[name].copy()

    def __iter__(self) -> Iterator[str]:
        raise AssertionError("asks for all tensors at once")

    def __len__(self) -> int:
        raise AssertionError("asks for all tensors at once")


def test_each_tensor_is_asked_for_once() -> None:
    tensors = OneAtATime(weights())
    check_laws(RIGHT, tensors, "m", 0)
    assert tensors.asked == [tensor.names[0] for tensor in RIGHT.tensors]


def test_a_stack_is_tested_as_one() -> None:
    group = (Factor(3, 0),), (Factor(2),)
    tensor = SymmetricTensor(("w.0", "w.1", "w.2"), (3, 2), tuple((segment,) for segment in group))
    values = {f"w.{number}": np.full(2, number, np.float32) for number in range(3)}
    found = check_laws(Symmetry((Group("e", 3),), (tensor,)), values, "m", 0)
    assert found.problems == ()
    assert found.tensors == 3
    assert found.families[0].moved >= 2


@pytest.mark.parametrize(
    ("name", "fake", "fault"),
    [
        ("identity", lambda symmetry: random_element(symmetry, 5), "the identity changes something"),
        ("inverse", lambda _, element: element, "an inverse does not undo its permutation"),
        ("compose", lambda _, first, __: first, "two permutations are not their product"),
    ],
)
def test_a_law_that_is_broken_is_told(
    monkeypatch: pytest.MonkeyPatch, name: str, fake: object, fault: str
) -> None:
    monkeypatch.setattr(laws, name, fake)
    (problem,) = check_laws(RIGHT, weights(), "m", 0).problems
    assert isinstance(problem, LawBroken)
    assert problem.fault == fault


def test_values_that_are_lost_are_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(laws, "permuted", lambda _, __, values: {name: 0 * values[name] for name in values})
    faults = [
        one.fault for one in check_laws(RIGHT, weights(), "m", 0).problems if isinstance(one, LawBroken)
    ]
    assert "permuting does more than move values" in faults
