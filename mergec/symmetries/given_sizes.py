"""The sizes that the table and the step give, for the config.json of a model."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING

from mergec.symmetries.errors import BadSize, MissingConfigValue, UnknownSize
from mergec.symmetries.size_expression import MissingKeyError, NotANumberError, configured, evaluate
from mergec.symmetries.sizes import Known

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from mergec.diagnostics import Report
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

    def report_unknown(
        self, unknown: Iterable[tuple[PlacedTensor, Symbol]], written: Mapping[Symbol, str]
    ) -> None:
        """Report why sizes are not known: keys that config.json lacks, MC0506, or else the first one, MC0507.

        The others are not known either because that one is not, or because of what is reported already.
        """
        others: list[tuple[PlacedTensor, Symbol]] = []
        for tensor, symbol in unknown:
            name = written.get(symbol, symbol.name)
            key = self._of(symbol.name, name)
            if isinstance(key, str):
                help_ = f"give it in the step: `sizes: {{{name}: ...}}`"
                span = self._size(symbol.name, name).span
                self.report.add(
                    MissingConfigValue(span=span, model=self.model.name, key=key, group=name, help=help_)
                )
            else:
                others.append((tensor, symbol))
        if others and not self.report.has_errors():
            tensor, symbol = next((one for one in others if one[1] in written), others[0])
            help_ = "write a number instead, or a name such as `_hd`, whose size the step can give"
            if symbol in written:
                help_ = f"give it in the step: `sizes: {{{written[symbol]}: ...}}`"
            self.report.add(
                UnknownSize(
                    span=tensor.entry.span,
                    model=self.model.name,
                    group=str(symbol) if symbol in written else symbol.name,
                    help=help_,
                    notes=(f"it stands on `{tensor.label}`, whose shape is {list(tensor.shape)}",),
                )
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
            self.report.add(BadSize(span=size.span, what=f"the size of `{name}`", problem=str(error)))
            return None
        if value.denominator != 1 or value < 1:
            problem = f"it is {value} for the config.json of `{self.model.name}`"
            help_ = "it must be a whole number of at least 1"
            what = f"the size of `{name}`"
            self.report.add(BadSize(span=size.span, what=what, problem=problem, help=help_))
            return None
        return Known(int(value), "in `sizes` of the table")
