"""A table's entries and the tensors that match them -> tensors with groups on their axes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mergec.diagnostics import MergecError
from mergec.recipe.no_match import matches_nothing
from mergec.symmetries.errors import WrongAxisCount
from mergec.symmetries.placed import OF_MODEL, PlacedFactor, PlacedTensor, Symbol
from mergec.symmetries.stacks import stacks

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

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
        """The tensors that have axes; what cannot be placed is reported and left out.

        Raises:
            MergecError: MC0124 and MC0125, as `symbol` does.
        """
        stacked = stacks(self.matched, self.shapes, self.report)
        placed = (self._tensor(members) for members in stacked if members[0].entry.axes)
        return [tensor for tensor in placed if tensor is not None]

    def note(self, tensor: PlacedTensor) -> None:
        """Know the groups of a tensor that something else has placed."""
        for *_, factor in tensor.factors():
            if factor.symbol is not None:
                self._noted(factor.symbol, factor.symbol.name)

    def symbol(self, template: Template, layer: str, captures: Mapping[str, str]) -> Symbol:
        """The group of this name in a layer.

        Raises:
            MergecError: MC0124, or MC0125 for a name of `last:` whose pattern matches nothing.
        """
        values = {**self.last, **captures}
        for capture in sorted(template.captures - values.keys()):
            raise MergecError([matches_nothing(self.table.last[capture], self.shapes)])
        if template.captures:
            return self._noted(Symbol(OF_MODEL, template.fill(values)), template.text)
        return self._group(template.fill(values), layer)

    def _group(self, name: str, layer: str) -> Symbol:
        return self._noted(Symbol(OF_MODEL if name in self.table.shared else layer, name), name)

    def _noted(self, symbol: Symbol, written: str) -> Symbol:
        self.written.setdefault(symbol, written)
        return symbol

    def _tensor(self, members: Sequence[Matched]) -> PlacedTensor | None:
        first = members[0]
        shape = self.shapes[first.name]
        fitting = [axes for axes in first.entry.axes if len(axes.axes) == len(shape)]
        if not fitting:
            self._report_count(first, shape)
            return None
        is_stacked = len(members) > 1
        choices = [self._axes(axes, first, is_stacked=is_stacked) for axes in fitting]
        if is_stacked:
            over = ((PlacedFactor(self._group(first.entry.stacked, first.layer), is_group=True),),)
            choices = [(over, *axes) for axes in choices]
            shape = (len(members), *shape)
        names = tuple(member.name for member in members)
        return PlacedTensor(names, shape, tuple(choices), first.entry, fitting[0].is_matched)

    def _axes(self, text: AxesText, matched: Matched, *, is_stacked: bool) -> PlacedAxes:
        # A single tensor is not stacked: its families have no other parent to be numbered by.
        alone = matched.entry.stacked if not is_stacked else ""
        return tuple(
            tuple(
                tuple(
                    self._factor(factor, matched, f"{matched.name}:{axis}.{part}.{position}", alone)
                    for position, factor in enumerate(segment)
                )
                for part, segment in enumerate(segments)
            )
            for axis, segments in enumerate(text.axes)
        )

    def _factor(self, text: FactorText, matched: Matched, place: str, alone: str) -> PlacedFactor:
        if text.name is None:
            return PlacedFactor(None, size=text.size or 0)
        if text.name.text == "_":
            # One that has no name stands for itself alone.
            return PlacedFactor(Symbol(place, "_"))
        parents = tuple(
            self.symbol(parent, matched.layer, matched.captures)
            for parent in text.parents
            if parent.text != alone
        )
        symbol = self.symbol(text.name, matched.layer, matched.captures)
        return PlacedFactor(symbol, parents, is_group=text.is_group)

    def _report_count(self, matched: Matched, shape: Shape) -> None:
        help_ = "write one entry for each dimension; `_` for one that stays"
        counts = dict.fromkeys(str(len(text.axes)) for text in matched.entry.axes)
        self.report.add(
            WrongAxisCount(
                span=matched.entry.span,
                tensor=matched.name,
                found=f"{len(shape)} dimension{'s' * (len(shape) != 1)}",
                named=" or ".join(counts),
                help=help_ if shape else "list it under `fixed`",
                notes=(f"its shape is {list(shape)}",),
            )
        )
