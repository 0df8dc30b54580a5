from __future__ import annotations

import pytest

from tests.symmetries.reading import Shapes, complaint, made


@pytest.mark.parametrize(
    ("freeze", "left"),
    [
        (["res"], ["l.0/u", "l.1/u"]),
        (["u"], ["res"]),
        (["l.1/u"], ["res", "l.0/u"]),
        (["l.[1:]/u"], ["res", "l.0/u"]),
        (["l.*/u", "res"], []),
    ],
)
def test_freeze(freeze: list[str], left: list[str]) -> None:
    text = """
        shared: [res]
        tensors:
          "l.*": {a.weight: u res, b.weight: res u}
    """
    shapes: Shapes = {f"l.{i}.{n}.weight": (4, 4) for i in range(2) for n in "ab"}
    assert made(text, shapes, freeze=freeze).groups.keys() == set(left)


def test_freeze_of_a_name_that_is_not_there() -> None:
    text = "tensors: {a.weight: unit _, b.weight: _ unit}"
    one = complaint(text, {"a.weight": (3, 2), "b.weight": (2, 3)}, freeze=["units"])
    assert one.code == "MC0513"
    assert one.help == "did you mean `unit`?"


def test_a_group_that_is_one_with_another_is_frozen_by_either_name() -> None:
    text = "tensors: {a.weight: u _, b.weight: v u, c.weight: _ v}\nequal: [{groups: [u, v]}]"
    shapes: Shapes = {"a.weight": (3, 2), "b.weight": (3, 3), "c.weight": (2, 3)}
    for name in "uv":
        assert made(text, shapes, freeze=[name]).groups == {}


def test_a_frozen_parent_leaves_its_family() -> None:
    text = "tensors:\n  a.weight: (h v[h]) _\n  b.weight: _ (h v[h])"
    found = made(text, {"a.weight": (6, 2), "b.weight": (2, 6)}, sizes={"h": 2}, freeze=["h"])
    assert found.groups == {"v": (3, "h")}


def test_a_pattern_of_layers_that_cannot_be_read() -> None:
    text = "tensors: {l.0.a.weight: u _, l.0.b.weight: _ u}"
    shapes: Shapes = {"l.0.a.weight": (3, 2), "l.0.b.weight": (2, 3)}
    assert complaint(text, shapes, freeze=["l.[/u"]).code == "MC0120"
