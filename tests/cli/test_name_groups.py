from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from mergec.cli.name_groups import collapsed, grouped


def test_layers_become_a_range() -> None:
    assert collapsed(f"blocks.{i}.fc.weight" for i in range(4)) == ["blocks.{0-3}.fc.weight"]


def test_holes_are_shown() -> None:
    assert collapsed(f"b.{i}" for i in (0, 2, 4, 5, 6)) == ["b.{0,2,4-6}"]


def test_one_layer_is_written_as_it_is() -> None:
    assert collapsed(["b.3.w"]) == ["b.3.w"]


def test_two_numbers_give_two_ranges_only_where_all_combinations_are_there() -> None:
    names = [f"l.{i}.e.{j}.w" for i in range(3) for j in range(2)]
    assert collapsed(names) == ["l.{0-2}.e.{0-1}.w"]
    assert collapsed([*names, "l.7.e.5.w"]) == ["l.{0-2}.e.{0-1}.w", "l.7.e.5.w"]


def test_leading_zeros_and_huge_numbers_are_names() -> None:
    assert collapsed(["a.01", "a.1", "a.12345678901"]) == ["a.01", "a.1", "a.12345678901"]


def test_unlike_tensors_are_kept_apart() -> None:
    groups = grouped(["b.0", "b.1", "b.2"], str, lambda name: name == "b.1")
    assert [(group.pattern, group.members) for group in groups] == [("b.{0,2}", (0, 2)), ("b.1", (1,))]


def test_names_are_made_harmless() -> None:
    assert collapsed(["a\x1b[31m.0", "a\x1b[31m.1"]) == [r"a\x1b[31m.{0-1}"]


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), unique=True))
def test_every_name_is_in_exactly_one_group(indices: list[tuple[int, int]]) -> None:
    groups = grouped([f"a.{i}.b.{j}" for i, j in indices], str, lambda _: None)
    members = [member for group in groups for member in group.members]
    assert sorted(members) == list(range(len(indices)))
