from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hypothesis import given
from hypothesis import strategies as st

from mergec.recipe.rename_pass import RuleUse
from tests.recipe.rule_runs import run, tensor

if TYPE_CHECKING:
    from mergec.diagnostics import Diagnostic
    from mergec.ir.layout import Layout


def renamed_names(names: list[str], *rules: Any) -> list[str]:
    found, _, diagnostics = run({name: tensor(1) for name in names}, *rules)
    assert diagnostics == ()
    return list(found)


def failures(tensors: dict[str, Layout] | list[str], *rules: Any) -> tuple[Diagnostic, ...]:
    shaped = tensors if isinstance(tensors, dict) else {name: tensor(4, 4) for name in tensors}
    return run(shaped, *rules)[2]


def test_the_rules_of_the_reference() -> None:
    names = ["module.transformer.h.0.attn.w", "module.transformer.h.11.mlp.w", "module.lm_head.w"]
    rules = ["module.{rest:**} -> {rest}", "transformer.h.{i:int}.{rest:**} -> model.layers.{i}.{rest}"]
    assert renamed_names(names, *rules) == ["model.layers.0.attn.w", "model.layers.11.mlp.w", "lm_head.w"]


def test_rules_run_in_order_and_count_their_uses() -> None:
    tensors: dict[str, Layout] = {"a.x": tensor(1), "a.y": tensor(1), "z": tensor(1)}
    found, uses, _ = run(tensors, "a.{n} -> b.{n}", {"from": "q", "to": "r", "optional": True}, "b.x -> c")
    assert list(found) == ["c", "b.y", "z"]
    assert uses == [RuleUse("a.{n} -> b.{n}", 2), RuleUse("q -> r", 0), RuleUse("b.x -> c", 1)]


def test_indices_are_shifted_all_at_once() -> None:
    names = [f"l.{i}.w" for i in range(4)]
    assert renamed_names(names, "l.{i:int}.w -> l.{i+1}.w") == [f"l.{i + 1}.w" for i in range(4)]
    assert renamed_names(["a", "b"], "re:^(?P<x>[ab])$ -> {x}") == ["a", "b"]


def test_names_may_be_exchanged_within_a_rule() -> None:
    tensors: dict[str, Layout] = {"l.1.w": tensor(1), "l.0.w": tensor(2)}
    found, _, diagnostics = run(tensors, r"re:^l\.(?P<i>\d+)\.w$ -> m.{i}.w", "m.{i:int}.w -> l.{i}.w")
    assert diagnostics == ()
    assert found == tensors


names = st.lists(st.text(alphabet="ab.0 /$é", min_size=1, max_size=8), unique=True, min_size=1, max_size=8)


@given(names)
def test_there_and_back_is_the_identity(found: list[str]) -> None:
    tensors: dict[str, Layout] = {name: tensor(number) for number, name in enumerate(found)}
    back, uses, diagnostics = run(tensors, "{rest:**} -> x.{rest}", "x.{rest:**} -> {rest}")
    assert diagnostics == ()
    assert back == tensors
    assert list(back) == found
    assert [use.count for use in uses] == [len(found)] * 2


@given(st.lists(st.integers(0, 50), unique=True, min_size=1), st.integers(0, 20))
def test_shifting_there_and_back_is_the_identity(layers: list[int], shift: int) -> None:
    found = [f"l.{layer}.w" for layer in layers]
    assert (
        renamed_names(found, f"l.{{i:int}}.w -> l.{{i+{shift}}}.w", f"l.{{i:int}}.w -> l.{{i-{shift}}}.w")
        == found
    )


def test_a_rule_that_matches_nothing_names_the_nearest() -> None:
    (found,) = failures(["model.layers.0.w"], "model.layer.{rest:**} -> {rest}")
    assert found.code == "MC0136"
    assert "`chat`" in found.message
    assert found.help == "did you mean `layers` instead of `layer`?"
    assert failures(["a"], {"from": "b", "to": "c", "optional": True}) == ()


def test_all_rules_that_match_nothing_are_reported() -> None:
    assert [d.code for d in failures(["a"], "b -> c", "d -> e")] == ["MC0136", "MC0136"]


def test_misses_that_follow_from_a_failed_rule_are_not_reported() -> None:
    assert [d.code for d in failures(["a.0", "a.1"], "a.* -> b", "c -> d")] == ["MC0137"]


def test_two_names_that_land_on_one_are_named_with_their_rules() -> None:
    (found,) = failures(["x.a", "b"], "x.{n} -> y.{n}", "y.a -> b")
    assert found.code == "MC0137"
    assert "land on the name `b`: `x.a` and `b`" in found.message
    assert found.notes == ("`x.a` is renamed by `y.a -> b`", "`b` is not renamed")
    (found,) = failures(["x.a", "z.a"], "x.{n} -> y.{n}", "z.{n} -> y.{n}")
    assert found.notes == ("`x.a` is renamed by `x.{n} -> y.{n}`", "`z.a` is renamed by `z.{n} -> y.{n}`")


def test_an_index_below_zero_names_the_tensor() -> None:
    (found,) = failures(["l.0.w", "l.1.w", "l.2.w"], "l.{i:int}.w -> l.{i-2}.w")
    assert found.code == "MC0124"
    assert "makes -2 of layer 0" in found.message
    assert found.notes == ("the tensor is `l.0.w`", "this rule has the same problem 1 more time")


def test_one_problem_of_many_layers_is_reported_once() -> None:
    tensors = {f"l.{i}": tensor(4) for i in range(9)}
    (found,) = failures(tensors, {"from": "l.{i}", "to": ["a.{i}", "b.{i}", "c.{i}"], "split": {"dim": 0}})
    assert found.notes == ("this rule has the same problem 8 more times",)
