from __future__ import annotations

from typing import TYPE_CHECKING

from mergec.recipe.proposals.families import MARK
from mergec.recipe.proposals.rule_list import Group, rule_list

if TYPE_CHECKING:
    from collections.abc import Sequence


def group(before: str, after: str, count: int = 1) -> Group:
    """Names with `#` for a number, of which layer 3 is the sample."""
    source, target = (tuple(name.replace("#", f"{MARK}i").split(".")) for name in (before, after))
    return Group(source, target, ((before.replace("#", "3"), after.replace("#", "3")),), count)


def rules(groups: Sequence[Group], kept: Sequence[str] = (), others: Sequence[str] = ()) -> list[str]:
    return [f"{one.pattern} -> {one.template}" for one in rule_list(groups, kept, others)]


def test_one_rule_for_all_that_change_alike() -> None:
    groups = [group("m.a.w", "a.w"), group("m.l.#.w", "l.#.w", 8)]
    assert rules(groups) == ["m.{rest:**} -> {rest}"]


def test_names_that_are_right_stay() -> None:
    found = rules([group("m.a", "a")], kept=["m.b"])
    assert found == ["m.a -> a"]


def test_names_without_a_target_rather_stay() -> None:
    assert rules([group("m.a.w", "a.w")], others=["m.b.w"]) == ["m.a.{rest:**} -> a.{rest}"]


def test_exceptions_run_before_the_general_rule() -> None:
    groups = [group("m.a", "n.a"), group("m.b", "n.b"), group("m.c", "n.c"), group("m.x", "head")]
    found = rules(groups)
    assert found[0] == "m.x -> head"
    assert found[1:] == ["m.{rest:**} -> n.{rest}"]


def test_a_rule_before_others_saves_rules() -> None:
    parts = ("q", "k", "v", "o")
    groups = [group(f"m.l.#.{p}.w", f"x.#.{p}{p}.w", 9) for p in parts]
    found = rules(groups)
    names = {f"m.l.3.{p}.w": f"x.3.{p}{p}.w" for p in parts}
    for before, after in names.items():
        name = before
        for rule in rule_list(groups, (), ()):
            name = rule.apply(name) or name
        assert name == after
    assert len(found) <= len(parts) + 1


def test_nothing_to_do() -> None:
    assert rules([group("a", "a")]) == []
    assert rules([]) == []
