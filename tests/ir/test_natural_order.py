from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from mergec.ir.natural_order import natural_key


def test_layers_are_in_the_order_of_their_numbers() -> None:
    names = ["h.10.w", "h.2.w", "h.2.b", "embed", "h.x", "h.1.w", "h.01.w"]
    expected = ["embed", "h.01.w", "h.1.w", "h.2.b", "h.2.w", "h.10.w", "h.x"]
    assert sorted(names, key=natural_key) == expected


@given(st.lists(st.text("ab.019-x", max_size=12), unique=True))
def test_any_names_have_one_order(names: list[str]) -> None:
    shuffled = sorted(names, key=lambda name: name[::-1])
    assert sorted(shuffled, key=natural_key) == sorted(names, key=natural_key)
