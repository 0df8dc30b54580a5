from __future__ import annotations

import pytest

from tests.symmetries.reading import Shapes, complaint, made, marked

SHAPES: Shapes = {"a.weight": (6, 4), "b.weight": (4, 6), "c.weight": (6, 2), "d.weight": (4, 2)}
NOT_THERE = "stands neither before it in the same product nor on another axis without `|`"


def table(**axes: str) -> str:
    given = {"a": "(p q[p]) r", "b": "r (p q[p])", "c": "_ _", "d": "_ _"} | axes
    return "tensors:\n" + "".join(f"  {name}.weight: {text}\n" for name, text in given.items())


def test_a_parent_may_stand_on_another_axis() -> None:
    for axes in ("q[p] p", "q[p] (p 1)"):
        assert made(table(c=axes), SHAPES | {"c.weight": (3, 2)}, sizes={"p": 2}).groups["q"] == (3, "p")
    grouped = SHAPES | {"c.weight": (4, 3), "d.weight": (1, 4)}
    found = made(table(c="(p o[p]) q[p]", d="_ (p o[p])"), grouped, sizes={"p": 2})
    assert found.groups["o"] == (2, "p")


@pytest.mark.parametrize(
    ("axes", "shape", "problem"),
    [
        ("q[p] _", (3, 2), "does not stand on it"),
        ("(q[p] p) _", (6, 2), NOT_THERE),
        ("(p | q[p]) _", (5, 2), NOT_THERE),
        ("q[p] (p | 1)", (3, 3), NOT_THERE),
        ("(q[p] p) p", (6, 2), "stands on several axes"),
        ("q[p] p p", (3, 2, 2), "stands on several axes"),
    ],
)
def test_a_family_needs_its_parent(axes: str, shape: tuple[int, ...], problem: str) -> None:
    one = complaint(table(c=axes), SHAPES | {"c.weight": shape}, sizes={"p": 2})
    assert one.code == "MC0518"
    assert one.message == f"`q` stands on axis 0 of `c.weight`, and its parent `p` {problem}"
    assert marked(one) == axes


def test_one_parent_everywhere() -> None:
    one = complaint(table(b="r (p q)"), SHAPES, sizes={"p": 2})
    assert one.code == "MC0516"
    assert one.message == "`q` is a family of nothing on `b.weight`, and of `p` on `a.weight`"
    chain = complaint(table(c="(p s q[s p]) _"), SHAPES, sizes={"p": 2, "s": 1, "q": 3})
    assert chain.code == "MC0516"
    assert "`p` is a family of `s` on `c.weight`" in chain.message


def test_a_chain_of_parents_need_not_be_spelt_out() -> None:
    text = table(a="(p q[p] s[p q]) r", b="r (p q[p] s[q])")
    found = made(text, {**SHAPES, "a.weight": (12, 4), "b.weight": (4, 12)}, sizes={"p": 2, "q": 3})
    assert found.groups["s"] == (2, "q")


def test_a_family_of_itself() -> None:
    one = complaint(table(a="(p q[q]) r", b="r (p q[q])"), SHAPES, sizes={"p": 2})
    assert one.code == "MC0517"
    codes = complaint(table(a="(p[q] q[p]) r", b="r (p[q] q[p])"), SHAPES, sizes={"p": 2})
    assert codes.code == "MC0517"


def test_a_group_twice_in_a_product() -> None:
    one = complaint(table(c="(u u) _", d="u _"), SHAPES | {"c.weight": (16, 2)})
    assert one.code == "MC0523"
    assert one.message == "`u` stands twice in the product `(u u)` on axis 0 of `c.weight`"
