from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from mergec.diagnostics import MergecError
from mergec.sources.nest import named_tensors

if TYPE_CHECKING:
    from typing import TypeGuard

    from mergec.diagnostics import Diagnostic

A, B = "tensor a", "tensor b"  # any text beginning so stands for a tensor: no torch is needed here
OPTIMIZER = {"state": {0: {"exp_avg": A}}, "param_groups": [{"lr": 0.1}]}


def is_tensor(value: object) -> TypeGuard[str]:
    return isinstance(value, str) and value.startswith("tensor")


def names(tree: Any, nest: str | None = None) -> dict[str, str]:
    return named_tensors(tree, nest, is_tensor, Path("x.pt"))


def refused(code: str, tree: Any, nest: str | None = None) -> Diagnostic:
    with pytest.raises(MergecError) as caught:
        names(tree, nest)
    (found,) = caught.value.diagnostics
    assert found.code == code
    assert found.help
    return found


@pytest.mark.parametrize(
    "tree",
    [
        {"w": A, "b": B},
        {"w": A, "b": B, "step": 3, "name": "x", "none": None, "list": [1, 2]},
        {"state_dict": {"w": A, "b": B}, "epoch": 3, "optimizer": OPTIMIZER},
        {"model": {"state_dict": {"w": A, "b": B}}, "optimizer_states": [OPTIMIZER]},
        {"one": {"two": {"three": {"w": A, "b": B}}}},
        {"w": A, "b": B, "optimizer_state_dict": OPTIMIZER, "Optimizer": {"m": A}, "opt": OPTIMIZER},
    ],
)
def test_the_only_place_is_found(tree: dict[str, object]) -> None:
    assert names(tree) == {"w": A, "b": B}


def test_a_dictionary_under_two_keys_is_one_place() -> None:
    weights = {"w": A}
    assert names({"model": weights, "state_dict": weights}) == weights


@pytest.mark.parametrize(
    ("nest", "expected"),
    [
        ("model", {"w": A}),
        ("ema", {"w": B}),
        ("deep.er", {"v": A}),
        ("with.dots", {"u": A}),
        (".", {"model.w": A, "ema.w": B, "deep.er.v": A, "with.dots.u": A}),
        ("deep", {"er.v": A}),
    ],
)
def test_a_nest_chooses(nest: str, expected: dict[str, str]) -> None:
    tree = {
        "model": {"w": A},
        "ema": {"w": B},
        "deep": {"er": {"v": A}},
        "with.dots": {"u": A},
        "optimizer": {"m": A},
    }
    assert names(tree, nest) == expected


def test_keys_with_dots_are_tried_in_all_ways() -> None:
    tree = {"a": {"x": 1}, "a.b": {"c": {"w": A}}}
    assert names(tree, "a.b.c") == {"w": A}


def test_a_nest_may_name_what_the_search_skips() -> None:
    assert names({"model": {"w": A}, "optimizer": {"m": B}}, "optimizer") == {"m": B}
    assert names({"a": {"b": {"c": {"d": {"w": A}}}}}, "a.b.c.d") == {"w": A}


def test_inner_dictionaries_are_joined_with_dots() -> None:
    tree = {"model": {"layer": {"0": {"weight": A}, 1: {"bias": B}}}}
    assert names(tree, "model") == {"layer.0.weight": A, "layer.1.bias": B}


def test_several_places_are_listed() -> None:
    found = refused("MC0216", {"model": {"state_dict": {"w": A}}, "ema": {"w": B}})
    assert "`nest: ema` or `nest: model.state_dict`" in (found.help or "")
    assert "`nest: .`" in (found.help or "")


def test_tensors_beside_dictionaries_of_tensors_are_no_guess() -> None:
    found = refused("MC0216", {"loss": A, "model": {"w": B}})
    assert found.help == "say which: `nest: .` or `nest: model`"


def test_a_long_list_of_places_is_cut() -> None:
    found = refused("MC0216", {f"layer{i}": {"w": A} for i in range(20)})
    assert "or one of 12 more" in (found.help or "")


def test_a_wrong_nest_gets_the_right_ones() -> None:
    tree = {"model": {"state_dict": {"w": A}}, "ema": {"w": A}, "step": 3}
    found = refused("MC0217", tree, "model.statedict")
    assert (found.help or "").startswith("did you mean `nest: model.state_dict`? the tensors are at")
    for nest in ("", "step", "model.state_dict.w", "model.", "..", "zzz"):
        assert "`nest: ema`" in (refused("MC0217", tree, nest).help or "")
    assert "no tensors anywhere" in (refused("MC0217", {"a": 1}, "a").help or "")
    assert "no tensors anywhere" in (refused("MC0217", [A], "a").help or "")


@pytest.mark.parametrize(
    ("tree", "reason"),
    [
        (A, "single tensor"),
        ([A, B], "it is a list"),
        (3, "it is a int"),
        (None, "it is a NoneType"),
        ({}, "have no tensors"),
        ({"a": {"b": 3}}, "have no tensors"),
        ({"a": {"b": {"c": {"d": {"w": A}}}}}, "have no tensors, 3 levels down"),
        (OPTIMIZER, "have no tensors"),
    ],
)
def test_what_has_no_named_tensors(tree: object, reason: str) -> None:
    if tree is OPTIMIZER:
        tree = {"optimizer": tree}
    assert reason in refused("MC0218", tree).message


def test_tensors_in_a_list_are_not_lost_silently() -> None:
    assert "`codebooks`" in refused("MC0222", {"w": A, "codebooks": [A, B]}).message


def test_two_tensors_of_one_joined_name() -> None:
    assert "`a.b`" in refused("MC0223", {"a": {"b": A}, "a.b": B}, ".").message


def test_dictionaries_that_contain_themselves() -> None:
    tree: dict[str, Any] = {"w": A}
    tree["self"] = tree
    assert "without end" in refused("MC0218", tree).message


def test_dictionaries_that_multiply(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mergec.sources.nest._MOST_ENTRIES", 10_000)
    tree: dict[str, Any] = {"w": A}
    for _ in range(40):
        tree = {"l": tree, "r": tree}
    assert "without end" in refused("MC0218", tree, ".").message


def test_names_are_escaped() -> None:
    found = refused("MC0216", {"\x1b[2J": {"w": A}, "b": {"w": A}})
    assert "\\x1b[2J" in (found.help or "")
