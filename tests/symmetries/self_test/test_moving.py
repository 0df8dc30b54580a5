from __future__ import annotations

import numpy as np

from mergec.ir.symmetry import Group, Symmetry
from mergec.symmetries.element import identity, is_element
from mergec.symmetries.self_test.moving import families, moving_element

SYMMETRY = Symmetry(
    (
        Group("res", 4, is_frozen=True),
        Group("l.0/h", 2),
        Group("l.1/h", 2),
        Group("l.0/v", 3, parent=1),
        Group("one", 1),
    ),
    (),
)


def test_families_are_groups_of_one_name_that_can_move() -> None:
    assert families(SYMMETRY) == {"h": [1, 2], "v": [3]}


def test_an_element_moves_something_and_nothing_else() -> None:
    still = identity(SYMMETRY)
    for seed in range(30):
        element = moving_element(SYMMETRY, "v", seed, [3])
        assert is_element(SYMMETRY, element)
        moved = np.flatnonzero(element != still)
        assert moved.size
        assert SYMMETRY.starts[3] <= moved.min()
        assert moved.max() < SYMMETRY.starts[4]


def test_what_cannot_move_stays() -> None:
    assert np.array_equal(moving_element(SYMMETRY, "one", 0, [0, 4]), identity(SYMMETRY))
