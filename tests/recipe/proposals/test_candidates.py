from __future__ import annotations

from mergec.recipe.proposals.candidates import candidates, differing


def split(name: str) -> tuple[str, ...]:
    return tuple(name.split("."))


def rules(*pairs: tuple[str, str]) -> list[str]:
    found = candidates((split(before), split(after)) for before, after in pairs)
    return [f"{one.pattern} -> {one.template}" for one in found]


def test_from_the_whole_name_to_what_alone_changes() -> None:
    assert rules(("a.b.c", "a.x.c")) == [
        "a.b.c -> a.x.c",
        "a.b.{rest:**} -> a.x.{rest}",
        "{head:**}.b.{rest:**} -> {head}.x.{rest}",
        "{head:**}.b.c -> {head}.x.c",
    ]


def test_what_most_changes_suggest_comes_first() -> None:
    found = rules(("m.a", "a"), ("m.b", "b"), ("m.c.d", "c.d"))
    assert found[0] == "m.{rest:**} -> {rest}"
    assert "m.c.d -> c.d" in found


def test_a_target_cannot_have_a_number_from_nowhere() -> None:
    assert rules(("a.b", "a.\0i")) == []
    assert "a.{i:int} -> b.{i}" in rules(("a.\0i", "b.\0i"))


def test_how_far_a_name_is_from_its_target() -> None:
    assert differing(split("a.b.c"), split("a.b.c")) == 0
    assert differing(split("a.b.c"), split("x.a.b.c")) == 1
    assert differing(split("a.b.c"), split("a.x.y.c")) == 2
