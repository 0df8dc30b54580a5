"""Findings about many tensors of an adapter are told once."""

from __future__ import annotations

from mergec.adapters.errors import NotFoldable
from mergec.adapters.problems import summed_up


def not_foldable() -> NotFoldable:
    return NotFoldable(
        adapter="ad", kind="VeRA without its projections", notes=("it is drawn",), help="merge it"
    )


def test_what_is_said_of_the_whole_adapter_is_told_once_however_many_layers_led_to_it() -> None:
    assert summed_up([not_foldable(), not_foldable(), not_foldable()]) == [not_foldable()]
