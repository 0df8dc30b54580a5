"""A table's entries and the tensors that match them -> tensors with groups on their axes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mergec.diagnostics import MergecError
from mergec.recipe.no_match import matches_nothing
from mergec.symmetries.errors import BrokenStack, WrongAxisCount
from mergec.symmetries.placed import PlacedFactor, PlacedTensor, Symbol

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from mergec.diagnostics import Report
    from mergec.ir.strided_view import Shape
    from mergec.recipe.template import Template
    from mergec.symmetries.axis_syntax import AxesText, FactorText
    from mergec.symmetries.placed import PlacedAxes
    from mergec.symmetries.table_entries import Table
    from mergec.symmetries.table_match import Matched


@dataclass
class Placement:
    """Places tensors that match a table.

    `written` gives for each group and fixed factor the name that the table has for it, `layers` the innermost
    layer of each tensor.
    """

    table: Table
    shapes: Mapping[str, Shape]
    matched: Sequence[Matched]
    report: Report
    written: dict[Symbol, str] = field(default_factory=dict)
    layers: Mapping[str, str] = field(init=False)
    last: Mapping[str, str] = field(init=False)

    def __post_init__(self) -> None:
        """Find the layers, and the largest index for each name of `last:`."""
        self.layers = {one.name: one.layer for one in self.matched}
        found: dict[str, str] = {}
        for name, pattern in self.table.last.items():
            bound = pattern.bind(self.shapes)
            indices = [int(text) for match in bound.matches for text in (bound.match(match) or {}).values()]
            if indices:
                found[name] = str(max(indices))
        self.last = found

    def tensors(self) -> list[PlacedTensor]:
        """The tensors that have axes; what cannot be placed is reported and left out."""
        placed: list[PlacedTensor] = []
        for members in _stacks(self.matched):
            first = members[0]
            if not first.entry.axes or not self._is_whole(members):
                continue
            try:
                tensor = self._tensor(members)
            except MergecError as error:
                self.report.extend(error.diagnostics)
                continue
            if tensor is not None:
                placed.append(tensor)
        return placed

    def symbol(self, template: Template, layer: str, captures: Mapping[str, str]) -> Symbol:
        """The group of this name in a layer.

        Raises:
            MergecError: MC0124, or MC0125 for a name of `last:` whose pattern matches nothing.
        """
        values = {**self.last, **captures}
        for capture in sorted(template.captures - values.keys()):
            raise MergecError([matches_nothing(self.table.last[capture], self.shapes)])
        name = template.fill(values)
        is_of_model = bool(template.captures) or name in self.table.shared
        symbol = Symbol("" if is_of_model else layer, name)
        self.written.setdefault(symbol, template.text)
        return symbol

    def _tensor(self, members: Sequence[Matched]) -> PlacedTensor | None:
        first = members[0]
        shape = self.shapes[first.name]
        fitting = [axes for axes in first.entry.axes if len(axes.axes) == len(shape)]
        if not fitting:
            self._report_count(first, shape)
            return None
        choices = [self._axes(axes, first) for axes in fitting]
        if len(members) > 1:
            over = Symbol(first.layer, first.entry.stacked[0])
            over = Symbol("", over.name) if over.name in self.table.shared else over
            self.written.setdefault(over, over.name)
            number = ((PlacedFactor(over, is_group=True),),)
            choices = [(number, *axes) for axes in choices]
            shape = (len(members), *shape)
        names = tuple(member.name for member in members)
        return PlacedTensor(names, shape, tuple(choices), first.entry, fitting[0].is_matched)

    def _axes(self, text: AxesText, matched: Matched) -> PlacedAxes:
        return tuple(
            tuple(
                tuple(
                    self._factor(factor, matched, f"{matched.name}:{axis}.{part}.{position}")
                    for position, factor in enumerate(segment)
                )
                for part, segment in enumerate(segments)
            )
            for axis, segments in enumerate(text.axes)
        )

    def _factor(self, text: FactorText, matched: Matched, place: str) -> PlacedFactor:
        if text.name is None:
            return PlacedFactor(None, size=text.size or 0)
        if text.name.text == "_":
            # One that has no name stands for itself alone.
            return PlacedFactor(Symbol(place, "_"))
        parents = tuple(self.symbol(parent, matched.layer, matched.captures) for parent in text.parents)
        symbol = self.symbol(text.name, matched.layer, matched.captures)
        return PlacedFactor(symbol, parents, is_group=text.is_group)

    def _is_whole(self, members: Sequence[Matched]) -> bool:
        """Whether the tensors are numbered from 0 without a gap and have one shape."""
        first = members[0]
        if not first.entry.stacked:
            return True
        group = first.entry.stacked[0]
        for expected, member in enumerate(members):
            number = int(member.captures[group])
            problem = None
            if number != expected:
                problem = f"number {expected} is missing"
            elif self.shapes[member.name] != self.shapes[first.name]:
                shapes = [list(self.shapes[one.name]) for one in (member, first)]
                problem = f"its shape is {shapes[0]}, and that of `{first.name}` {shapes[1]}"
            if problem is not None:
                self.report.add(
                    BrokenStack(
                        span=first.entry.pattern.span,
                        tensor=member.name,
                        last=len(members) - 1,
                        group=group,
                        problem=problem,
                    )
                )
                return False
        return True

    def _report_count(self, matched: Matched, shape: Shape) -> None:
        text = matched.entry.axes[0]
        named = len(text.axes)
        self.report.add(
            WrongAxisCount(
                span=matched.entry.span,
                tensor=matched.name,
                found=f"{len(shape)} dimension{'s' * (len(shape) != 1)}",
                axes=str(text),
                named=f"{named}",
                help="write one entry for each dimension; `_` for one that stays",
                notes=(f"its shape is {list(shape)}",),
            )
        )


def _stacks(matched: Sequence[Matched]) -> Iterator[list[Matched]]:
    """Each tensor alone, or those together whose names differ only in the number that is a group."""
    stacks: dict[tuple[object, ...], list[Matched]] = {}
    for one in matched:
        key: tuple[object, ...] = (one.name,)
        if one.entry.stacked and one.number is not None:
            before, _ = one.number
            below = one.name[len(one.layer) + 1 if one.layer else 0 :]
            key = (
                one.entry,
                one.layer,
                before,
                below[len(before) + len(one.captures[one.entry.stacked[0]]) :],
            )
        stacks.setdefault(key, []).append(one)
    for members in stacks.values():
        if members[0].entry.stacked:
            members.sort(key=lambda one: int(one.captures[one.entry.stacked[0]]))
        yield members
