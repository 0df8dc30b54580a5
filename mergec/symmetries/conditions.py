"""For which groups of a model a line of `equal` or `frozen` holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mergec.symmetries.size_expression import holds

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mergec.symmetries.model_shape import ModelShape
    from mergec.symmetries.place_tensors import Placement
    from mergec.symmetries.placed import Symbol
    from mergec.symmetries.table_entries import Groups


def groups_where(groups: Groups, placement: Placement, model: ModelShape) -> Iterator[list[Symbol]]:
    """The groups: once, or for each match of `for`, in the layer of that match. Some may not be there.

    Raises:
        MergecError: MC0124 and MC0125, as `Placement.symbol` does.
    """
    if holds(groups.when, model.config):
        for layer, captures in _matches(groups, placement, model):
            yield [placement.symbol(group, layer, captures) for group in groups.groups]


def _matches(
    groups: Groups, placement: Placement, model: ModelShape
) -> Iterator[tuple[str, Mapping[str, str]]]:
    excluded = [
        bound.match(name) or {}
        for bound in (pattern.bind(model.tensors) for pattern in groups.unless)
        for name in bound.matches
    ]
    found: list[tuple[str, Mapping[str, str]]] = [("", {})]
    if groups.each is not None:
        bound = groups.each.bind(model.tensors)
        found = [(placement.layers.get(name, ""), bound.match(name) or {}) for name in bound.matches]
    for layer, captures in found:
        if not any(_agree(captures, other) for other in excluded):
            yield layer, captures


def _agree(captures: Mapping[str, str], other: Mapping[str, str]) -> bool:
    return all(captures[name] == other[name] for name in captures.keys() & other.keys())
