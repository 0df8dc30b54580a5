from __future__ import annotations

import pytest

from mergec.recipe.proposals.families import MARK, Reading, families
from tests.recipe.proposals.named_models import kind


def read(names: list[str], reading: Reading) -> list[tuple[str, list[tuple[int, ...]]]]:
    found = families({name: kind(1) for name in names}, reading)
    return [(".".join(one.segments).replace(MARK, "#"), list(one.kinds)) for one in found]


@pytest.mark.parametrize(
    ("reading", "pattern", "numbers"),
    [
        (Reading.SEGMENTS, "l.#i.x_7.#j.w", (3, 5)),
        (Reading.FIRST_SEGMENT, "l.#i.x_7.5.w", (3,)),
        (Reading.EMBEDDED, "l.#i.x_#j.#k.w", (3, 7, 5)),
        (Reading.FIRST_EMBEDDED, "l.#i.x_7.5.w", (3,)),
        (Reading.NONE, "l.3.x_7.5.w", ()),
    ],
)
def test_which_numbers_count(reading: Reading, pattern: str, numbers: tuple[int, ...]) -> None:
    assert read(["l.3.x_7.5.w"], reading) == [(pattern, [numbers])]


def test_names_that_differ_in_numbers_alone_are_one_family() -> None:
    assert read(["b", "l.0.w", "l.2.w", "l.0.v"], Reading.SEGMENTS) == [
        ("b", [()]),
        ("l.#i.w", [(0,), (2,)]),
        ("l.#i.v", [(0,)]),
    ]


def test_numbers_that_could_not_be_written_again_are_text() -> None:
    names = ["l.007.w", "l.9999999999.w", "l.٣.w"]
    assert [pattern for pattern, _ in read(names, Reading.SEGMENTS)] == names
    assert read(["l.0.w"], Reading.SEGMENTS) == [("l.#i.w", [(0,)])]


def test_more_numbers_than_letters_and_names_with_the_mark() -> None:
    assert read(["0.1.2.3.4.5.6"], Reading.SEGMENTS) == [("#i.#j.#k.#l.#m.#n.6", [(0, 1, 2, 3, 4, 5)])]
    assert read([f"a.{MARK}i"], Reading.SEGMENTS) == []


def test_a_family_knows_its_names_and_kinds() -> None:
    (one,) = families({"l.4.w": kind(2), "l.5.w": kind(3)}, Reading.SEGMENTS)
    assert one.names == {(4,): "l.4.w", (5,): "l.5.w"}
    assert [of.shape for of in one.kinds.values()] == [(2,), (3,)]
    assert one.slots == 1
