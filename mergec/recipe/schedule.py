"""A value for every tensor of a model. Language reference, section 4."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mergec.diagnostics import MergecError
from mergec.recipe.block_index import block_index
from mergec.recipe.block_values import BlockValues
from mergec.recipe.finite_number import described, finite_number
from mergec.recipe.first_match import first_match
from mergec.recipe.gradient import Gradient
from mergec.recipe.name_errors import (
    BadSchedule,
    GradientWithoutLayers,
    PatternError,
    UncoveredTensors,
)
from mergec.recipe.no_match import matches_nothing
from mergec.recipe.pattern import Pattern
from mergec.recipe.value_place import NoPlace, Place

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from mergec.diagnostics import Diagnostic, Report, Span

__all__ = ["Entry", "NoPlace", "Place", "Schedule"]

REST = "rest"
_WANTED = "a number, a gradient such as [0.9, 0.3], a mapping of patterns or a block map"


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a schedule. `written` is false for the one that stands for a bare value."""

    pattern: Pattern
    value: float | Gradient
    written: bool = True


@dataclass(frozen=True, slots=True)
class Schedule:
    """A schedule, read. Either `entries`, or `blocks`, or `is_rest` says what it holds."""

    entries: tuple[Entry, ...] = ()
    blocks: BlockValues | None = None
    is_rest: bool = False
    span: Span | None = field(default=None, compare=False, repr=False)

    @classmethod
    def parse(cls, value: object, place: Place) -> Schedule:
        """Read a schedule from plain values.

        `rest` is read only here, not inside a mapping; whether it means anything is the caller's to say.

        Raises:
            MergecError: all that is wrong with it: MC0120, MC0126, MC0130, MC0131, MC0132.
        """
        found: list[Diagnostic] = []
        schedule = _parsed(value, place, found)
        if found or schedule is None:
            raise MergecError(found)
        return schedule

    @property
    def constant(self) -> float | None:
        """The one value of all tensors, where the schedule is a bare number."""
        if len(self.entries) == 1 and not self.entries[0].written:
            value = self.entries[0].value
            return None if isinstance(value, Gradient) else value
        return None

    def resolve(self, names: Collection[str], report: Report | None = None) -> dict[str, float]:
        """The value of each tensor, in the order of `names`.

        Adds warnings (MC0128) to `report`.

        Raises:
            MergecError: MC0125 and MC0134 for all patterns that match nothing; else MC0127 for tensors
                that no pattern matches; MC0133 for tensors that no block covers.
        """
        if self.is_rest:
            message = "`rest` has no values of its own: it depends on the other inputs"
            raise ValueError(message)
        constant = self.constant
        if constant is not None:
            return dict.fromkeys(names, constant)
        if self.blocks is not None:
            return self.blocks.resolve(names)
        found: list[Diagnostic] = []
        present = dict.fromkeys(names)
        values = first_match(self._values(present, found), report)
        uncovered = [name for name in present if name not in values]
        # A misspelt pattern leaves tensors uncovered; one message about it is enough.
        if uncovered and not found:
            found.append(self._uncovered(uncovered))
        if found:
            raise MergecError(found)
        return {name: values[name] for name in present}

    def _values(
        self, names: Collection[str], found: list[Diagnostic]
    ) -> Iterator[tuple[Pattern, Mapping[str, float]]]:
        for entry in self.entries:
            values = _entry_values(entry, names, found)
            if values is not None:
                yield entry.pattern, values

    def _uncovered(self, uncovered: list[str]) -> UncoveredTensors:
        others = len(uncovered) - 1
        help_ = 'add `"**": VALUE` as the last entry'
        if not self.entries[0].written:
            help_ = 'a gradient covers only layers; write {"**.[:].**": [...], "**": VALUE} to cover the rest'
        return UncoveredTensors(
            span=self.span,
            name=uncovered[0],
            others_text=f", nor {others} more" if others else "",
            help=help_,
        )


def _entry_values(
    entry: Entry, names: Collection[str], found: list[Diagnostic]
) -> Mapping[str, float] | None:
    """The values that one entry gives, whatever the earlier ones take; None where that is an error."""
    bound = entry.pattern.bind(names)
    if not isinstance(entry.value, Gradient):
        if not len(bound):
            found.append(matches_nothing(entry.pattern, names))
        return dict.fromkeys(bound.matches, entry.value)
    places = {name: bound.place_of(name) or block_index(name) for name in bound.matches}
    values = entry.value.over({name: place for name, place in places.items() if place is not None})
    if values or not entry.written:
        return values
    if len(bound):
        help_ = "give these tensors a plain number"
        pattern = entry.pattern
        found.append(GradientWithoutLayers(span=pattern.span, pattern=pattern.text, help=help_))
    else:
        found.append(matches_nothing(entry.pattern, names))
    return None


def _parsed(value: object, place: Place, found: list[Diagnostic]) -> Schedule | None:
    span = place.span()
    if value == REST:
        return Schedule(is_rest=True, span=span)
    if isinstance(value, dict):
        if not value:
            found.append(BadSchedule(span=span, found=described(value), wanted=_WANTED))
        if "blocks" in value:
            blocks = BlockValues.parse(value, place, found)
            return None if blocks is None else Schedule(blocks=blocks, span=span)
        return Schedule(tuple(_entries(value, place, found)), span=span)
    bare = _number_or_gradient(value, place, found)
    return None if bare is None else Schedule((Entry(Pattern.parse("**"), bare, written=False),), span=span)


def _entries(value: dict[object, object], place: Place, found: list[Diagnostic]) -> Iterator[Entry]:
    for key, item in value.items():
        text = str(key)
        read = _number_or_gradient(item, place.child(text), found)
        try:
            pattern = Pattern.parse(text, place.key_span(text))
        except PatternError as error:
            found.extend(error.diagnostics)
            continue
        if read is not None:
            yield Entry(pattern, read)


def _number_or_gradient(value: object, place: Place, found: list[Diagnostic]) -> float | Gradient | None:
    if not isinstance(value, list):
        return finite_number(value, place, found)
    if not value:
        help_ = "a gradient has at least one number: [0.9, 0.3]"
        found.append(BadSchedule(span=place.span(), found="an empty list", wanted="a gradient", help=help_))
        return None
    anchors = [finite_number(item, place.child(number), found) for number, item in enumerate(value)]
    kept = tuple(anchor for anchor in anchors if anchor is not None)
    return Gradient(kept) if len(kept) == len(anchors) else None
