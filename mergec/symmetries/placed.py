"""A model's tensors with the groups of its own layers on their axes, before any size is known."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mergec.ir.strided_view import Shape
    from mergec.symmetries.table_entries import Tensors


OF_MODEL = ""


class Symbol(NamedTuple):
    """A group, or a fixed factor, of a layer or of the whole model, where `layer` is `OF_MODEL`."""

    layer: str
    name: str

    def __str__(self) -> str:
        return f"{self.layer}/{self.name}" if self.layer else self.name


class PlacedFactor(NamedTuple):
    """A factor of an axis: a group with its parents, outermost first, a fixed factor, or a number."""

    symbol: Symbol | None
    parents: tuple[Symbol, ...] = ()
    size: int = 0
    is_group: bool = False

    def __str__(self) -> str:
        if self.symbol is None:
            return str(self.size)
        family = f"[{' '.join(parent.name for parent in self.parents)}]" if self.parents else ""
        return f"{self.symbol.name}{family}"


PlacedAxis = tuple[tuple[PlacedFactor, ...], ...]
PlacedAxes = tuple[PlacedAxis, ...]


class PlacedTensor(NamedTuple):
    """A tensor, or several that are stacked along a new axis 0, and the axes that it may have."""

    names: tuple[str, ...]
    shape: Shape
    choices: tuple[PlacedAxes, ...]
    entry: Tensors
    is_matched: bool = True

    @property
    def axes(self) -> PlacedAxes:
        """The axes that it has, or will have if no other fit better."""
        return self.choices[0]

    @property
    def label(self) -> str:
        """What messages call it."""
        return self.names[0]

    def place(self, axis: int) -> str:
        """What messages call an axis. Each of stacked tensors has one axis less than all together."""
        stacked = len(self.names) > 1
        if stacked and axis == 0:
            return f"the numbers of tensors such as `{self.label}`"
        return f"axis {axis - stacked} of `{self.label}`"

    def factors(self) -> Iterator[tuple[int, int, int, PlacedFactor]]:
        """Its factors: axis, segment, position in the segment, factor."""
        for number, axis in enumerate(self.axes):
            for segment, factors in enumerate(axis):
                for position, factor in enumerate(factors):
                    yield number, segment, position, factor


class PlacedGroups(NamedTuple):
    """A model's tensors and groups, with all sizes known.

    `parents` holds all groups, parents before their families. `names` are those that the table has for each
    group, and for groups that are one with it. `held` are groups that the table has stay.
    """

    tensors: tuple[PlacedTensor, ...]
    parents: Mapping[Symbol, Symbol | None]
    sizes: Mapping[Symbol, int]
    names: Mapping[Symbol, frozenset[str]]
    held: frozenset[Symbol]
