"""Which entry of a table each tensor of a model belongs to."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from mergec.ir.natural_order import natural_key
from mergec.recipe.name_errors import ShadowedEntry
from mergec.recipe.no_match import each_matches_nothing
from mergec.symmetries.table_entries import Layers

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from mergec.diagnostics import Report
    from mergec.symmetries.table_entries import Entry, Tensors

_LATER = "move it above the more general entries, or remove it"


class Matched(NamedTuple):
    """A tensor and its entry. `layer` is the text that the innermost pattern of layers matched, or empty.

    `number` is the first index that the entry's own pattern finds in the name, and what stands before it.
    """

    name: str
    entry: Tensors
    layer: str
    captures: Mapping[str, str]
    number: tuple[str, int] | None


def match_table(entries: Sequence[Entry], names: Iterable[str], report: Report) -> list[Matched]:
    """The tensors in the order of the table, those of one entry by their numbers.

    Reports patterns of the user's own that match nothing, MC0125, or are never the first to, MC0128.
    """
    walk = _Walk()
    walk.visit(entries, {name: name for name in sorted(names, key=natural_key)}, "", {})
    idle = [entry for entry in walk.tried if not entry.is_built_in and entry not in walk.first]
    for pattern in (entry.pattern for entry in idle if entry in walk.matching):
        report.add(ShadowedEntry(span=pattern.span, pattern=pattern.text, help=_LATER))
    missing = ((entry.pattern, walk.tried[entry]) for entry in idle if entry not in walk.matching)
    report.extend(each_matches_nothing(missing))
    return walk.found


class _Walk:
    """Goes through the entries of a table, layer by layer.

    `tried` are the entries and the names where each was tried first, `matching` those that match some name
    or layer, `first` those that are the first to.
    """

    def __init__(self) -> None:
        self.found: list[Matched] = []
        self.tried: dict[Entry, Collection[str]] = {}
        self.matching: set[Entry] = set()
        self.first: set[Entry] = set()
        self._taken: set[str] = set()

    def visit(
        self, entries: Sequence[Entry], names: Mapping[str, str], layer: str, captures: Mapping[str, str]
    ) -> None:
        """`names` maps what is left of the names below the layer to the whole names."""
        below = _below(names) if any(isinstance(entry, Layers) for entry in entries) else {}
        for entry in entries:
            among: Mapping[str, object] = below if isinstance(entry, Layers) else names
            bound = entry.pattern.bind(among)
            self.tried.setdefault(entry, among)
            if bound.matches:
                self.matching.add(entry)
            for text in bound.matches:
                inner = {**captures, **(bound.match(text) or {})}
                if isinstance(entry, Layers):
                    self.first.add(entry)
                    self.visit(entry.entries, below[text], f"{layer}.{text}" if layer else text, inner)
                elif names[text] not in self._taken:
                    self.first.add(entry)
                    self._taken.add(names[text])
                    self.found.append(Matched(names[text], entry, layer, inner, bound.place_of(text)))


def _below(names: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """What lies below each text that ends before a dot."""
    below: dict[str, dict[str, str]] = {}
    for rest, name in names.items():
        dot = rest.find(".")
        while dot >= 0:
            below.setdefault(rest[:dot], {})[rest[dot + 1 :]] = name
            dot = rest.find(".", dot + 1)
    return below
