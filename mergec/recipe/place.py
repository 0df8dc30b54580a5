"""A value in the recipe's tree, remembered as a path, for the positions in messages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mergec.recipe.yaml_tree import PathKey, YamlNode, find

if TYPE_CHECKING:
    from mergec.diagnostics import Span


@dataclass(frozen=True, slots=True)
class TreePlace:
    """The value at `path` below `root`. Positions are looked up only when a message needs one."""

    root: YamlNode
    path: tuple[PathKey, ...] = ()

    def child(self, key: PathKey) -> TreePlace:
        """The place of an entry or item of this value."""
        return TreePlace(self.root, (*self.path, key))

    def span(self) -> Span:
        """Where the value is written."""
        return find(self.root, self.path)[0]

    def name_span(self) -> Span:
        """Where the value's key is written; the value's own place where it has none."""
        value, found = find(self.root, self.path)
        return found if found is not None else value

    def key_span(self, key: PathKey) -> Span:
        """Where an entry's key is written; the value's own place where it has no such key."""
        value, found = find(self.root, (*self.path, key))
        return found if found is not None else value
