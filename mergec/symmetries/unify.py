"""Groups that are one: those that the table calls equal, and those on the axes of tied tensors."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mergec.diagnostics import safe
from mergec.symmetries.axis_errors import TiedDiffer
from mergec.symmetries.axis_syntax import axis_as_text
from mergec.symmetries.conditions import groups_where
from mergec.symmetries.size_expression import holds

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from mergec.diagnostics import Report
    from mergec.symmetries.model_shape import ModelShape
    from mergec.symmetries.place_tensors import Placement
    from mergec.symmetries.placed import PlacedFactor, PlacedTensor, Symbol
    from mergec.symmetries.table_entries import Table, Tied


@dataclass
class Unified:
    """Which groups are one. Of those, the first in the order of the table stands for all."""

    order: Mapping[Symbol, int]
    _above: dict[Symbol, Symbol] = field(default_factory=dict)
    _held: set[Symbol] = field(default_factory=set)

    def of(self, symbol: Symbol) -> Symbol:
        """The group that stands for this one."""
        while symbol in self._above:
            symbol = self._above[symbol]
        return symbol

    def join(self, one: Symbol, other: Symbol) -> None:
        """Let two groups be one."""
        first, second = sorted((self.of(one), self.of(other)), key=self.order.__getitem__)
        if first != second:
            self._above[second] = first

    def hold(self, groups: Iterable[Symbol]) -> None:
        """Note that these groups stay as they are."""
        self._held.update(groups)

    def held(self) -> frozenset[Symbol]:
        """The groups that stay as they are, for themselves or for one that is one with them."""
        return frozenset(map(self.of, self._held))

    def names(self, written: Mapping[Symbol, str]) -> dict[Symbol, frozenset[str]]:
        """The names of each group: its own, what the table writes, and those of groups one with it."""
        found: dict[Symbol, set[str]] = {}
        for symbol, name in written.items():
            found.setdefault(self.of(symbol), set()).update((symbol.name, name))
        return {symbol: frozenset(names) for symbol, names in found.items()}

    def applied(self, tensor: PlacedTensor) -> PlacedTensor:
        """The tensor with the groups that stand for its own."""
        choices = tuple(
            tuple(tuple(tuple(map(self._factor, segment)) for segment in axis) for axis in axes)
            for axes in tensor.choices
        )
        return tensor._replace(choices=choices)

    def _factor(self, factor: PlacedFactor) -> PlacedFactor:
        if factor.symbol is None:
            return factor
        return factor._replace(symbol=self.of(factor.symbol), parents=tuple(map(self.of, factor.parents)))


def unify(
    placement: Placement, tensors: Sequence[PlacedTensor], model: ModelShape, report: Report
) -> Unified:
    """Join the groups that the table calls equal, and those on tied tensors; hold those that it calls frozen.

    Reports MC0522.
    """
    unified = Unified({symbol: number for number, symbol in enumerate(placement.written)})
    for equal in placement.table.equal:
        for symbols in groups_where(equal, placement, model):
            present = [symbol for symbol in symbols if symbol in unified.order]
            for symbol in present[1:]:
                unified.join(present[0], symbol)
    for frozen in placement.table.frozen:
        for symbols in groups_where(frozen, placement, model):
            unified.hold(symbol for symbol in symbols if symbol in unified.order)
    placed = {name: tensor for tensor in tensors for name in tensor.names}
    for first, second in tied_names(placement.table, model):
        if first in placed and second in placed:
            _join_axes(unified, placed[first], placed[second], report)
    return unified


def check_tied(
    tensors: Sequence[PlacedTensor], held: Collection[Symbol], model: ModelShape, report: Report
) -> None:
    """Report MC0522 for tensors with one storage whose axes are not the same."""
    placed = {name: tensor for tensor in tensors for name in tensor.names}
    for name, earlier in model.same.items():
        first, second = placed.get(earlier), placed.get(name)
        if first is None or second is None or _acting(first, held) == _acting(second, held):
            continue
        help_ = f'add `tied: [["{safe(earlier)}", "{safe(name)}"]]` to the table, or correct the axes'
        report.add(_tied_differ(first, second, help_))


def _acting(
    tensor: PlacedTensor, held: Collection[Symbol]
) -> list[tuple[tuple[int, int, int], Symbol | None]]:
    """The groups that may permute a tensor, and where they stand."""
    return [
        ((axis, part, position), factor.symbol)
        for axis, part, position, factor in tensor.factors()
        if factor.is_group and factor.symbol not in held
    ]


def tied_names(table: Table, model: ModelShape) -> Iterator[tuple[str, str]]:
    """The pairs of names that are one tensor in this model; the second one need not be there."""
    for tied in table.tied:
        bound = tied.first.bind(model.tensors)
        for first in bound.matches:
            second = tied.second.fill(bound.match(first) or {})
            if second != first and (second not in model.tensors or _is_one(first, second, tied, model)):
                yield first, second


def _is_one(first: str, second: str, tied: Tied, model: ModelShape) -> bool:
    return model.same.get(first, first) == model.same.get(second, second) or holds(tied.when, model.config)


def _join_axes(unified: Unified, first: PlacedTensor, second: PlacedTensor, report: Report) -> None:
    """Let groups that stand at one place of two tied tensors be one; reports axes that cannot be the same."""
    forms = [[[len(part) for part in axis] for axis in tensor.axes] for tensor in (first, second)]
    if forms[0] != forms[1]:
        report.add(_tied_differ(first, second, "write the axes of both in one form"))
        return
    for (*_, one), (*_, other) in zip(first.factors(), second.factors(), strict=True):
        groups = [factor.symbol for factor in (one, other) if factor.is_group and factor.symbol is not None]
        if len(groups) == 2:
            unified.join(*groups)
        else:
            unified.hold(groups)


def _tied_differ(first: PlacedTensor, second: PlacedTensor, help_: str) -> TiedDiffer:
    notes = tuple(
        f"`{tensor.label}` has `{' '.join(map(axis_as_text, tensor.axes))}`" for tensor in (first, second)
    )
    return TiedDiffer(span=second.entry.span, tensor=second.label, other=first.label, notes=notes, help=help_)
