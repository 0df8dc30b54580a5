"""The sizes that the table and the step give, for the config.json of a model."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING

from mergec.symmetries.errors import BadSize, MissingConfigValue, UnknownSize
from mergec.symmetries.size_expression import MissingKeyError, NotANumberError, configured, evaluate
from mergec.symmetries.sizes import Known

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mergec.diagnostics import Diagnostic, Report
    from mergec.symmetries.model_shape import ModelShape
    from mergec.symmetries.placed import PlacedTensor, Symbol
    from mergec.symmetries.table_entries import Size, Table
    from mergec.symmetries.unify import Unified


@dataclass
class GivenSizes:
    """Computes each size once. Those of the step come before those of the table."""

    table: Table
    model: ModelShape
    by_hand: Mapping[str, int]
    report: Report
    _made: dict[str, Known | str | None] = field(default_factory=dict)

    def known(self, written: Mapping[Symbol, str], unified: Unified) -> dict[Symbol, Known]:
        """The sizes of groups and fixed factors, which have these names in the table."""
        found: dict[Symbol, Known] = {}
        for symbol, name in written.items():
            made = self._of(symbol.name, name)
            if isinstance(made, Known):
                found.setdefault(unified.of(symbol), made)
        return found

    def lacking(self, symbol: Symbol, name: str, tensor: PlacedTensor) -> Diagnostic:
        """Why the size of a group is not known; `name` is what the table calls it."""
        made = self._of(symbol.name, name)
        if isinstance(made, str):
            return MissingConfigValue(
                span=self._size(symbol.name, name).span,
                model=self.model.name,
                key=made,
                group=name,
                help=f"give it in the step: `sizes: {{{name}: ...}}`",
            )
        return UnknownSize(
            span=tensor.entry.span,
            model=self.model.name,
            group=str(symbol),
            help=f"give it in the table or the step: `sizes: {{{name}: ...}}`",
            notes=(f"it stands on `{tensor.label}`, of shape {list(tensor.shape)}",),
        )

    def _size(self, *names: str) -> Size:
        return next(self.table.sizes[name] for name in names if name in self.table.sizes)

    def _of(self, *names: str) -> Known | str | None:
        """The size that one of the names has; the key that config.json lacks for it; or None."""
        for name in names:
            if name in self.by_hand:
                return Known(self.by_hand[name], "in the step's `sizes`")
        for name in names:
            if name in self.table.sizes:
                if name not in self._made:
                    self._made[name] = self._evaluated(name, self.table.sizes[name])
                return self._made[name]
        return None

    def _value(self, name: str, inside: frozenset[str]) -> Fraction:
        """The value of a name: another size, unless that is being computed, or a key of config.json."""
        if name in self.by_hand:
            return Fraction(self.by_hand[name])
        if name in self.table.sizes and name not in inside:
            inner = inside | {name}
            return evaluate(self.table.sizes[name].expression, lambda other: self._value(other, inner))
        return configured(name, self.model.config)

    def _evaluated(self, name: str, size: Size) -> Known | str | None:
        try:
            value = self._value(name, frozenset())
        except MissingKeyError as error:
            return str(error.args[0])
        except NotANumberError as error:
            self.report.add(BadSize(span=size.span, group=name, problem=str(error)))
            return None
        if value.denominator != 1 or value < 1:
            problem = f"it is {value} for the config.json of `{self.model.name}`"
            help_ = "it must be a whole number of at least 1"
            self.report.add(BadSize(span=size.span, group=name, problem=problem, help=help_))
            return None
        return Known(int(value), "in `sizes` of the table")
