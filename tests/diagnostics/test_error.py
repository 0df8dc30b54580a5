from __future__ import annotations

from typing import ClassVar

from mergec.diagnostics import Report
from mergec.recipe.errors import EmptyRecipe
from mergec.recipe.name_errors import PatternMatchesNothing


def pattern(text: str) -> PatternMatchesNothing:
    return PatternMatchesNothing(pattern=text, count=1)


def test_the_same_finding_is_kept_once_and_in_order() -> None:
    report = Report()
    report.add(pattern("b"))
    report.extend([pattern("a"), pattern("b"), EmptyRecipe()])
    assert report.diagnostics == (pattern("b"), pattern("a"), EmptyRecipe())


class CountedText(str):
    """A text that counts how often any of them is compared."""

    __slots__ = ()
    compared: ClassVar[int] = 0

    def __eq__(self, other: object) -> bool:
        CountedText.compared += 1
        return super().__eq__(other)

    __hash__ = str.__hash__


def test_a_new_finding_is_not_compared_with_all_earlier_ones() -> None:
    report = Report()
    for number in range(500):
        report.add(pattern(CountedText(number)))
    assert len(report.diagnostics) == 500
    assert CountedText.compared < 500
