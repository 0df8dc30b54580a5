"""YAML of other programs: several documents, with anchors, aliases and merge keys, read within limits."""

from __future__ import annotations

from typing import TYPE_CHECKING

import yaml

from mergec.diagnostics import MergecError, safe
from mergec.recipe.errors import InvalidYaml, RecipeTooLarge
from mergec.recipe.yaml_tree import TreeBuilder, YamlMapping, YamlScalar, YamlSequence, built

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mergec.diagnostics import SourceText, Span
    from mergec.recipe.yaml_tree import YamlNode

MAX_ALIASED = 50_000


def read_documents(source: SourceText) -> list[YamlNode]:
    """The trees of all documents that are not empty. An alias stands for the tree that it names.

    Raises:
        MergecError: MC0101 for text that is not YAML; MC0102 duplicate keys, MC0104 tags, MC0105 too large
            or too deep, also once its aliases are written out.
    """
    return built(_DocumentsBuilder(source), _DocumentsBuilder.documents)


class _DocumentsBuilder(TreeBuilder):
    """Knows the trees that anchors name, and how many values each of them holds."""

    def __init__(self, source: SourceText) -> None:
        super().__init__(source)
        self._anchors: dict[str, tuple[YamlNode, int]] = {}
        self._count = 0
        self._aliased = 0
        self._merged: list[list[YamlMapping]] = []

    def documents(self, events: Iterator[yaml.Event]) -> list[YamlNode]:
        trees: list[YamlNode] = []
        for event in events:
            if isinstance(event, yaml.DocumentStartEvent):
                self._anchors.clear()
            elif isinstance(event, yaml.NodeEvent):
                tree = self._node(event, events, depth=0)
                if not (isinstance(tree, YamlScalar) and tree.value is None):
                    trees.append(tree)
        return trees

    def _node(self, event: yaml.Event, events: Iterator[yaml.Event], depth: int) -> YamlNode:
        anchor: str | None = getattr(event, "anchor", None)
        if isinstance(event, yaml.AliasEvent) and anchor is not None:
            return self._named(anchor, self._span(event))
        before = self._count
        node = super()._node(event, events, depth)
        self._count += 1
        if anchor is not None:
            self._anchors[anchor] = node, self._count - before
        return node

    def _named(self, anchor: str, span: Span) -> YamlNode:
        if anchor not in self._anchors:
            problem = f"nothing before this is named `&{safe(anchor)}`"
            raise MergecError([InvalidYaml(span=span, problem=problem, help="quote it if it is a text")])
        node, size = self._anchors[anchor]
        self._count += size
        self._aliased += size
        if self._aliased > MAX_ALIASED:
            what = f"larger than {MAX_ALIASED} values that are written as aliases"
            raise MergecError([RecipeTooLarge(span=span, what=what)])
        return node

    def _judge_anchor(self, event: yaml.Event, span: Span) -> None:
        """Anchors are welcome, and aliases are dealt with before."""

    def _mapping(self, start: yaml.Event, events: Iterator[yaml.Event], depth: int) -> YamlMapping:
        self._merged.append([])
        own = super()._mapping(start, events, depth)
        entries, key_spans = dict(own.entries), dict(own.key_spans)
        for other in self._merged.pop():
            for key, value in other.entries.items():
                entries.setdefault(key, value)
                key_spans.setdefault(key, other.key_spans[key])
        return YamlMapping(entries, key_spans, own.span)

    def _merge(self, key: YamlScalar, value: yaml.Event, events: Iterator[yaml.Event], depth: int) -> None:
        """Remember the mappings below a merge key; the entries of the mapping itself win."""
        node = self._node(value, events, depth + 1)
        for one in node.items if isinstance(node, YamlSequence) else [node]:
            if isinstance(one, YamlMapping):
                self._merged[-1].append(one)
            else:
                self.found.append(InvalidYaml(span=key.span, problem="`<<` takes mappings"))
