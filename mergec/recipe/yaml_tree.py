"""YAML 1.2 text -> a tree of values that know where they were written.

PyYAML reads the text into events; what a plain scalar means is decided here, by the core schema of
YAML 1.2, because PyYAML follows YAML 1.1 (`no` is False, `1:30` is 90, `1e-3` is text there).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import yaml

from mergec.diagnostics import Label, MergecError, Span
from mergec.recipe.errors import (
    AliasUsed,
    DuplicateKey,
    EmptyRecipe,
    InvalidYaml,
    RecipeTooLarge,
    TagUsed,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from mergec.diagnostics import Diagnostic, SourceText

MAX_BYTES = 1 << 20
MAX_DEPTH = 64

Value = None | bool | int | float | str
Plain = Value | list["Plain"] | dict[str, "Plain"]
PathKey = str | int


@dataclass(frozen=True, slots=True)
class YamlScalar:
    """A leaf: its value, the text it was written as, and whether it was quoted."""

    value: Value
    text: str
    quoted: bool
    span: Span


@dataclass(frozen=True, slots=True)
class YamlSequence:
    """A list."""

    items: tuple[YamlNode, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class YamlMapping:
    """A mapping; keys are unique and are the text that was written."""

    entries: Mapping[str, YamlNode]
    key_spans: Mapping[str, Span]
    span: Span


YamlNode = YamlScalar | YamlSequence | YamlMapping


def plain(node: YamlNode) -> Plain:
    """The tree as ordinary Python values."""
    if isinstance(node, YamlScalar):
        return node.value
    if isinstance(node, YamlSequence):
        return [plain(item) for item in node.items]
    return {key: plain(value) for key, value in node.entries.items()}


def find(node: YamlNode, path: Sequence[PathKey]) -> tuple[Span, Span | None]:
    """The span of the value at `path` and of its key; of the nearest ancestor where it ends early."""
    span, key_span = node.span, None
    for key in path:
        if isinstance(node, YamlMapping) and key in node.entries:
            key_span = node.key_spans[str(key)]
            node = node.entries[str(key)]
        elif isinstance(node, YamlSequence) and isinstance(key, int) and key < len(node.items):
            key_span = None
            node = node.items[key]
        else:
            break
        span = node.span
    return span, key_span


def read_yaml(source: SourceText) -> YamlNode:
    """Parse one document.

    Raises:
        MergecError: MC0101 for text that is not YAML; MC0102 duplicate keys (all of them), MC0103
            anchors and aliases, MC0104 tags, MC0105 too large or too deep, MC0106 nothing there.
    """
    start = Span(source, 1, 1, 2)
    if len(source.text.encode("utf-8", "surrogatepass")) > MAX_BYTES:
        raise MergecError([RecipeTooLarge(span=start, what=f"larger than {MAX_BYTES} bytes")])
    builder = _Builder(source)
    try:
        tree = builder.document(iter(yaml.parse(source.text, Loader=yaml.SafeLoader)))
    except yaml.YAMLError as error:
        raise MergecError([*builder.found, _invalid(source, error)]) from None
    if builder.found:
        raise MergecError(builder.found)
    if tree is None:
        raise MergecError([EmptyRecipe(span=start)])
    return tree


def scalar(text: str) -> Value:
    """What an unquoted scalar means in the YAML 1.2 core schema."""
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    if _INT.fullmatch(text):
        # Python refuses to parse integers of very many digits; such a text stays text.
        return int(text) if len(text) < _LONGEST_INT else text
    if _BASED_INT.fullmatch(text):
        return int(text, 0)
    return float(text) if _FLOAT.fullmatch(text) else text


_LONGEST_INT = 400
_INT = re.compile(r"[-+]?[0-9]+")
_BASED_INT = re.compile(r"0o[0-7]{1,400}|0x[0-9a-fA-F]{1,400}")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_CONSTANTS: dict[str, Value] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"), float("inf")),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), float("-inf")),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), float("nan")),
}


class _Builder:
    """Builds the tree from the parser's events, noting what the language forbids."""

    def __init__(self, source: SourceText) -> None:
        self._source = source
        self._lines = source.text.splitlines()
        self.found: list[Diagnostic] = []

    def document(self, events: Iterator[yaml.Event]) -> YamlNode | None:
        tree: YamlNode | None = None
        for event in events:
            if isinstance(event, yaml.DocumentStartEvent) and tree is not None:
                self.found.append(
                    InvalidYaml(
                        span=self._span(event),
                        problem="a second document begins here",
                        help="a recipe is one YAML document: remove the `---` and what follows",
                    )
                )
                break
            if isinstance(event, yaml.NodeEvent):
                tree = self._node(event, events, depth=0)
        if isinstance(tree, YamlScalar) and tree.value is None:
            return None
        return tree

    def _node(self, event: yaml.Event, events: Iterator[yaml.Event], depth: int) -> YamlNode:
        span = self._span(event)
        if depth > MAX_DEPTH:
            raise MergecError([RecipeTooLarge(span=span, what=f"nested deeper than {MAX_DEPTH} levels")])
        self._refuse_anchor_and_tag(event, span)
        if isinstance(event, yaml.SequenceStartEvent):
            items: list[YamlNode] = []
            while not isinstance(item := next(events), yaml.SequenceEndEvent):
                items.append(self._node(item, events, depth + 1))
            return YamlSequence(tuple(items), span)
        if isinstance(event, yaml.MappingStartEvent):
            return self._mapping(events, span, depth)
        if isinstance(event, yaml.ScalarEvent):
            is_plain = event.implicit[0]
            value = scalar(event.value) if is_plain else event.value
            return YamlScalar(value, event.value, not is_plain, span)
        return YamlScalar(None, "", quoted=False, span=span)  # an alias, already reported

    def _mapping(self, events: Iterator[yaml.Event], span: Span, depth: int) -> YamlMapping:
        entries: dict[str, YamlNode] = {}
        key_spans: dict[str, Span] = {}
        while not isinstance(event := next(events), yaml.MappingEndEvent):
            key = self._node(event, events, depth + 1)
            value = self._node(next(events), events, depth + 1)
            if not isinstance(key, YamlScalar):
                problem = "a mapping's key must be a plain word"
                self.found.append(InvalidYaml(span=key.span, problem=problem))
            elif key.text == "<<" and not key.quoted:
                self.found.append(AliasUsed(span=key.span, what="a merge key (`<<`)"))
            elif key.text in entries:
                first = Label(key_spans[key.text], "first written here")
                self.found.append(DuplicateKey(span=key.span, key=key.text, others=(first,)))
            else:
                entries[key.text] = value
                key_spans[key.text] = key.span
        return YamlMapping(entries, key_spans, span)

    def _refuse_anchor_and_tag(self, event: yaml.Event, span: Span) -> None:
        if isinstance(event, yaml.AliasEvent):
            self.found.append(AliasUsed(span=span, what="an alias (`*name`)"))
        elif getattr(event, "anchor", None) is not None:
            self.found.append(AliasUsed(span=span, what="an anchor (`&name`)"))
        tag = getattr(event, "tag", None)
        if tag is not None:
            self.found.append(TagUsed(span=span, tag=tag))

    def _span(self, event: yaml.Event) -> Span:
        start, end = event.start_mark, event.end_mark
        if start is None or end is None:
            raise AssertionError("the parser marks every event")
        line = self._lines[start.line] if start.line < len(self._lines) else ""
        # A block construct's end mark stands at the next token; the eye wants its first line only.
        stop = end.column if end.line == start.line else len(line.rstrip())
        return Span(self._source, start.line + 1, start.column + 1, max(stop, start.column + 1) + 1)


def _invalid(source: SourceText, error: yaml.YAMLError) -> InvalidYaml:
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or getattr(error, "reason", None) or "not YAML"
    line, column = (mark.line + 1, mark.column + 1) if mark is not None else (1, 1)
    return InvalidYaml(span=Span(source, line, column, column + 1), problem=str(problem))
