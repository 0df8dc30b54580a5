from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mergec.recipe.block_index import block_index


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("model.layers.3.mlp.weight", ("model.layers.", 3)),
        ("0.weight", ("", 0)),
        ("a.7", ("a.", 7)),
        ("m.layers.2.experts.9.w", ("m.layers.", 2)),
        ("block12.weight", None),
        ("lm_head.weight", None),
        ("", None),
        ("a.-1.b", None),
        ("a.²", None),
        ("a.٣.b", None),
        ("a." + "9" * 5000, None),
    ],
)
def test_the_first_whole_number_segment_counts(name: str, found: tuple[str, int] | None) -> None:
    assert block_index(name) == found


@given(st.text(max_size=30))
def test_the_text_before_and_the_number_begin_the_name(name: str) -> None:
    found = block_index(name)
    if found is not None:
        assert name.startswith(found[0])
        assert int(name[len(found[0]) :].split(".", 1)[0]) == found[1]
