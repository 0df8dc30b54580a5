from __future__ import annotations

import pytest

from mergec.recipe.proposals.families import MARK
from mergec.recipe.proposals.rewrite import Rewrite, with_shift
from tests.recipe.rule_runs import run, tensor

FIRST, SECOND = f"{MARK}i", f"{MARK}j"
REWRITES = [
    Rewrite(("module",), (), has_rest=True),
    Rewrite((), ("bert",), has_rest=True),
    Rewrite(("gamma",), ("weight",), has_head=True),
    Rewrite(("a", FIRST), ("b", FIRST), has_rest=True),
    Rewrite((f"layer_{FIRST}",), ("layers", FIRST), has_head=True, has_rest=True),
    Rewrite((FIRST, SECOND), (SECOND, FIRST)),
    Rewrite((FIRST, "x", FIRST), ("y", FIRST), has_rest=True),
    Rewrite(("h", FIRST), ("h", with_shift(FIRST, {"i": 2})), has_rest=True),
    Rewrite(("{a}", "b|c"), ("(d)", "*")),
]
NAMES = ["module.a.x", "a.gamma", "a.b.gamma", "a.3.w", "q.layer_12.w", "1.2", "4.x.4.z", "4.x.5.z", "h.7.w"]
NAMES += ["{a}.b|c", "gamma", "module", "x"]


@pytest.mark.parametrize("rewrite", REWRITES, ids=lambda r: r.pattern)
@pytest.mark.parametrize("name", NAMES)
def test_a_rewrite_does_what_the_rule_it_writes_does(rewrite: Rewrite, name: str) -> None:
    assert rewrite.is_usable
    renamed, uses, _ = run({name: tensor(2)}, rewrite.value)
    assert (rewrite.apply(name) or name) == next(iter(renamed))
    assert (rewrite.apply(name) is not None) == bool(uses[0].count)


def test_numbers_are_named_in_the_order_of_the_source() -> None:
    assert Rewrite(("a", SECOND, FIRST), (FIRST, SECOND)).normal() == Rewrite(
        ("a", FIRST, SECOND), (SECOND, FIRST)
    )


@pytest.mark.parametrize(
    "rewrite",
    [
        Rewrite(("a",), (FIRST,)),
        Rewrite((), ("a",)),
        Rewrite((), ("a",), has_head=True, has_rest=True),
        Rewrite(("a",), ()),
    ],
)
def test_what_no_rule_can_say(rewrite: Rewrite) -> None:
    assert not rewrite.is_usable


def test_yaml_is_quoted_where_it_must_be() -> None:
    assert Rewrite(("a",), ("b",)).yaml == "a -> b"
    assert Rewrite((), ("b",), has_rest=True).yaml == '"{rest:**} -> b.{rest}"'
    assert Rewrite(("a->b",), (" c",)).yaml == '{from: "a->b", to: " c"}'
    assert Rewrite(("\x1b\U0001f600",), ("b",)).yaml == '"\\U0000001b😀 -> b"'
