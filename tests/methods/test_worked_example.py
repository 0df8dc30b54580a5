from __future__ import annotations

import pytest

from mergec.methods.registry import methods
from mergec.methods.worked_example import Holds, traits


@pytest.mark.parametrize(
    ("name", "holds"),
    [
        ("linear", Holds.TILES),
        ("slerp", Holds.TILES),
        ("ties", Holds.TILES),
        ("dare_ties", Holds.TILES),
        ("della", Holds.ROWS),
        ("della_linear", Holds.ROWS),
        ("arcee_fusion", Holds.ROWS),
        ("nuslerp", Holds.ROWS),
        ("knots", Holds.WHOLE),
        ("smooth_add", Holds.WHOLE),
    ],
)
def test_how_much_of_a_tensor_is_held(name: str, holds: Holds) -> None:
    found = traits(methods()[name])
    assert found is not None
    assert found.holds is holds
