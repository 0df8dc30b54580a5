"""Many groups of a symmetry as few lines: those of layers that are alike become one pattern."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mergec.cli.name_groups import grouped
from mergec.diagnostics import safe

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Sequence

    from mergec.ir.symmetry import Symmetry


@dataclass(frozen=True, slots=True)
class GroupPattern:
    """Groups of one name and size in some layers: `model.layers.{0-31}/ffn`, and the groups' numbers.

    `members` is how many permutations each group has, which is more than one for a family.
    """

    pattern: str
    size: int
    members: int
    groups: tuple[int, ...]

    @property
    def each(self) -> str:
        """What each of the groups permutes: `11008 units`, `8 x 64 units` for a family of 8."""
        units = f"{self.size:,} unit{'s' * (self.size != 1)}"
        return f"{self.members:,} x {units}" if self.members > 1 else units


def group_patterns(
    symmetry: Symmetry, groups: Sequence[int], alike: Callable[[int], Hashable] = lambda _: None
) -> list[GroupPattern]:
    """Patterns for the groups of these numbers, in order; those of one are equal by `alike`, too."""

    def kind(group: int) -> Hashable:
        label = symmetry.groups[group].name.rpartition("/")[2]
        return label, symmetry.groups[group].size, symmetry.members(group), alike(group)

    found: list[GroupPattern] = []
    for one in grouped(groups, lambda group: symmetry.groups[group].name.rpartition("/")[0], kind):
        numbers = tuple(groups[position] for position in one.members)
        first = symmetry.groups[numbers[0]]
        label = safe(first.name.rpartition("/")[2])
        pattern = f"{one.pattern}/{label}" if one.pattern else label
        found.append(GroupPattern(pattern, first.size, symmetry.members(numbers[0]), numbers))
    return found
