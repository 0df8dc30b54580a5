"""Findings about many tensors of an adapter are told once."""

from __future__ import annotations

from mergec.adapters.errors import BadScale, NotFoldable
from mergec.adapters.problems import summed_up


def not_foldable() -> NotFoldable:
    return NotFoldable(
        adapter="ad", kind="VeRA without its projections", notes=("it is drawn",), help="merge it"
    )


def test_what_is_said_of_the_whole_adapter_is_told_once_however_many_layers_led_to_it() -> None:
    assert summed_up([not_foldable(), not_foldable(), not_foldable()]) == [not_foldable()]


def test_the_next_of_a_kind_are_counted_and_equal_ones_are_one() -> None:
    scales = [BadScale(adapter="ad", problem=f"nan stands in `{name}.alpha`") for name in "aabbc"]
    (told,) = summed_up(scales)
    assert told.message == "the scale of the adapter `ad` is unknown: nan stands in `a.alpha` and 2 more"
    assert summed_up([scales[0], scales[1]]) == [scales[0]]
