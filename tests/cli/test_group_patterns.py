from __future__ import annotations

from mergec.cli.group_patterns import group_patterns
from mergec.ir.symmetry import Group, Symmetry

LAYERS = 3
SYMMETRY = Symmetry(
    (
        Group("res", 16),
        *(Group(f"model.layers.{i}/kv", 4) for i in range(LAYERS)),
        *(Group(f"model.layers.{i}/v", 2, parent=1 + i) for i in range(LAYERS)),
        Group("model.layers.3/kv", 8),
        Group("S1", 5),
        Group("S2", 5),
        Group("0/units", 7),
        Group("2/units", 7),
    ),
    (),
)


def test_layers_that_are_alike_are_one() -> None:
    found = group_patterns(SYMMETRY, range(len(SYMMETRY.groups)))
    assert [(one.pattern, len(one.groups), one.each) for one in found] == [
        ("res", 1, "16 units"),
        ("model.layers.{0-2}/kv", 3, "4 units"),
        ("model.layers.{0-2}/v", 3, "4 x 2 units"),
        ("model.layers.3/kv", 1, "8 units"),
        ("S1", 1, "5 units"),
        ("S2", 1, "5 units"),
        ("{0,2}/units", 2, "7 units"),
    ]
    assert found[2].groups == (4, 5, 6)


def test_only_the_groups_that_are_asked_for() -> None:
    assert [one.pattern for one in group_patterns(SYMMETRY, [1, 3])] == ["model.layers.{0,2}/kv"]


def test_what_else_must_be_equal() -> None:
    found = group_patterns(SYMMETRY, [1, 2, 3], lambda group: group == 2)
    assert [one.pattern for one in found] == ["model.layers.{0,2}/kv", "model.layers.1/kv"]
