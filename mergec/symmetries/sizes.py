"""The sizes of groups: from the table, from config.json, and from the shapes of tensors."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from mergec.symmetries.axis_errors import SizeDoesNotFit, TwoSizes
from mergec.symmetries.axis_syntax import axis_as_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from mergec.diagnostics import Report
    from mergec.symmetries.placed import PlacedAxis, PlacedTensor, Symbol

_OTHER_TABLE = (
    "look at `sizes`; for a model that is made otherwise `mergec symmetry infer PATH` drafts a table"
)
_OTHER_AXES = "look at `sizes`, or write what this axis is made of otherwise"
_OTHER_GROUP = "give one of the two another group, or leave it in order with `_`"


class _Equation(NamedTuple):
    """The axis of a tensor: its segments' products add up to its length."""

    tensor: PlacedTensor
    axis: int

    @property
    def factors(self) -> PlacedAxis:
        return self.tensor.axes[self.axis]

    @property
    def length(self) -> int:
        return self.tensor.shape[self.axis]

    @property
    def place(self) -> str:
        return self.tensor.place(self.axis)


class Known(NamedTuple):
    """A size and where it comes from, as a message says it."""

    size: int
    origin: str


class Sizes:
    """What is known of the sizes, and the axes that can tell more.

    An axis tells the only size on it that is not known yet. The first axis in the order of the table that
    tells a size counts, and all others must agree with it.
    """

    def __init__(self, known: Mapping[Symbol, Known], report: Report) -> None:
        """Begin with these."""
        self._known = dict(known)
        self._report = report
        self._open: list[_Equation] = []
        self._failed: set[Symbol] = set()

    def known(self) -> dict[Symbol, int]:
        """The sizes that are known by now."""
        return {symbol: known.size for symbol, known in self._known.items()}

    def settle(self, tensors: Iterable[PlacedTensor]) -> list[PlacedTensor]:
        """Learn what the axes of these tensors tell. Returns them, each with those of its axes that fit.

        Tensors with several possible axes wait for the others.
        """
        placed = list(tensors)
        self._add(tensor for tensor in placed if len(tensor.choices) == 1)
        settled: list[PlacedTensor] = []
        for tensor in placed:
            chosen = tensor
            if len(tensor.choices) > 1:
                fitting = (one for one in tensor.choices if self._fits(tensor._replace(choices=(one,))))
                chosen = tensor._replace(choices=(next(fitting, tensor.axes),))
                self._add([chosen])
            settled.append(chosen)
        return settled

    def unknown(self, tensors: Iterable[PlacedTensor]) -> Iterator[tuple[PlacedTensor, Symbol]]:
        """The groups and fixed factors without a size, once each, and where each stands first."""
        seen = set(self._failed)
        for tensor in tensors:
            for _, _, _, factor in tensor.factors():
                if (
                    factor.symbol is not None
                    and factor.symbol not in self._known
                    and factor.symbol not in seen
                ):
                    seen.add(factor.symbol)
                    yield tensor, factor.symbol

    def _add(self, tensors: Iterable[PlacedTensor]) -> None:
        self._open.extend(_Equation(tensor, axis) for tensor in tensors for axis in range(len(tensor.shape)))
        before = -1
        while before != len(self._open):
            before = len(self._open)
            self._open = [equation for equation in self._open if not self._solve(equation)]

    def _fits(self, tensor: PlacedTensor) -> bool:
        groups = {factor.symbol for *_, factor in tensor.factors() if factor.is_group}
        if tensor.entry.is_built_in and not groups <= self._known.keys():
            return False  # a group that only these axes speak of is there for models that have more tensors
        for axis, length in enumerate(tensor.shape):
            unknown, fixed, times = self._sum(tensor.axes[axis])
            if not unknown and fixed != length:
                return False
            if len(unknown) == 1 and times and (length <= fixed or (length - fixed) % times):
                return False
        return True

    def _solve(self, equation: _Equation) -> bool:
        """Whether the axis tells nothing more, now or later."""
        unknown, fixed, times = self._sum(equation.factors)
        if len(unknown) > 1 or (unknown and not times):
            return not self._failed.isdisjoint(unknown)
        if not unknown:
            if fixed != equation.length:
                self._report_misfit(equation, fixed)
            return True
        rest = equation.length - fixed
        if rest <= 0 or rest % times:
            problem = f"{times} does not divide {rest}" if rest > 0 else f"what is known makes {fixed}"
            self._failed.update(unknown)
            self._report.add(self._misfit(equation, problem))
        else:
            self._known.update(dict.fromkeys(unknown, Known(rest // times, f"on {equation.place}")))
        return True

    def _sum(self, axis: PlacedAxis) -> tuple[list[Symbol], int, int]:
        """The unknown sizes, the indices of segments without one, and how often the only unknown counts.

        That is 0 where a segment holds it twice.
        """
        unknown: dict[Symbol, None] = {}
        fixed = times = 0
        is_linear = True
        for segment in axis:
            product, missing = 1, 0
            for factor in segment:
                if factor.symbol is None:
                    product *= factor.size
                elif factor.symbol in self._known:
                    product *= self._known[factor.symbol].size
                else:
                    unknown[factor.symbol] = None
                    missing += 1
            is_linear = is_linear and missing <= 1
            if missing:
                times += product
            else:
                fixed += product
        return list(unknown), fixed, times if is_linear else 0

    def _report_misfit(self, equation: _Equation, made: int) -> None:
        (factor, *more), *others = equation.factors
        if more or others or factor.symbol is None:
            self._report.add(self._misfit(equation, f"they make {made}"))
            return
        known = self._known[factor.symbol]
        self._report.add(
            TwoSizes(
                span=equation.tensor.entry.span,
                group=str(factor.symbol),
                size=equation.length,
                place=equation.place,
                other=f"{known.size} {known.origin}",
                help=_OTHER_TABLE if equation.tensor.entry.is_built_in else _OTHER_GROUP,
            )
        )

    def _misfit(self, equation: _Equation, problem: str) -> SizeDoesNotFit:
        named = dict.fromkeys(
            factor.symbol for segment in equation.factors for factor in segment if factor.symbol is not None
        )
        notes = (
            f"`{one.name}` is {self._known[one].size} {self._known[one].origin}"
            for one in named
            if one in self._known
        )
        return SizeDoesNotFit(
            span=equation.tensor.entry.span,
            place=equation.place,
            length=equation.length,
            axes=axis_as_text(equation.factors),
            problem=problem,
            notes=tuple(notes),
            help=_OTHER_TABLE if equation.tensor.entry.is_built_in else _OTHER_AXES,
        )
