"""A checkpoint by components, with their sizes."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mergec.adapters.factor_names import is_factor
from mergec.cli.plan_sources import dtype_counts, layout_bytes
from mergec.components.detect import components_of
from mergec.recipe.block_index import block_index

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from mergec.components.detect import Grouping
    from mergec.ir.strided_view import StridedView

ADAPTER, OTHER = "adapter", "other"
_SAVED = ".modules_to_save."  # PEFT's trained copy of a module, beside the base's own
_WITHOUT_LAYERS = {"connector", "head"}


@dataclass(frozen=True, slots=True)
class Part:
    """A component: its tensors by the names in the file, and what its names begin with.

    `dense` tells how many parameters the tensors of quantised weights stand for.
    """

    name: str
    tensors: Mapping[str, StridedView]
    prefixes: tuple[str, ...]
    dense: Mapping[str, int] = field(default_factory=dict)

    @property
    def title(self) -> str:
        """The name for people."""
        return self.name.replace("_", " ")

    @property
    def parameters(self) -> int:
        """The number of weights that the elements are, or stand for."""
        return sum(self.dense.get(name, view.elements) for name, view in self.tensors.items())

    @property
    def nbytes(self) -> int:
        """The bytes of the elements."""
        return sum(map(layout_bytes, self.tensors.values()))

    @property
    def dtypes(self) -> dict[str, int]:
        """How many tensors there are of each dtype."""
        return dtype_counts(self.tensors.values())

    @property
    def layers(self) -> int:
        """The layers of its largest list of layers; 0 for parts that have none by their nature."""
        return 0 if self.name in _WITHOUT_LAYERS else longest_list(self.tensors)


@dataclass(frozen=True, slots=True)
class Parts:
    """All components of a checkpoint in a fixed order, and how they were told apart.

    `plain` gives each name without wrappers; the grouping is of those.
    """

    grouping: Grouping
    parts: tuple[Part, ...]
    plain: Mapping[str, str]
    shapes: Mapping[str, tuple[int, ...]]

    def part(self, name: str) -> Part | None:
        """The component of this name, if the checkpoint has it."""
        return next((part for part in self.parts if part.name == name), None)


def parts_of(
    tensors: Mapping[str, StridedView],
    plain: Mapping[str, str],
    config: Mapping[str, object],
    dense: Mapping[str, int],
) -> Parts:
    """The components of a checkpoint whose names without wrappers are `plain`.

    What only adapters have is a component of its own, and so is what no layout knows.
    """
    stored = {plain[name]: name for name in tensors}
    factors = [new for new in stored if is_factor(new) or _SAVED in new]
    taken = set(factors)
    grouping = components_of([new for new in stored if new not in taken], config or None)

    def part(name: str, names: Iterable[str], prefixes: tuple[str, ...]) -> Part:
        return Part(name, {stored[new]: tensors[stored[new]] for new in names}, prefixes, dense)

    found = [part(one.name, one.names, one.prefixes) for one in grouping.components.values()]
    if factors:
        found.append(part(ADAPTER, factors, ()))
    if grouping.unknown:
        found.append(part(OTHER, grouping.unknown, ()))
    shapes = {new: tensors[name].shape for new, name in stored.items()}
    return Parts(grouping, tuple(found), plain, shapes)


def longest_list(names: Iterable[str]) -> int:
    """How many numbers the list of layers has that most tensors belong to; 0 without a list."""
    lists: dict[str, Counter[int]] = {}
    for name in names:
        place = block_index(name)
        if place is not None:
            lists.setdefault(place[0], Counter())[place[1]] += 1
    return len(max(lists.values(), key=Counter.total)) if lists else 0
