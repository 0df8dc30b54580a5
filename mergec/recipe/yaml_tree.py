"""YAML 1.2 text -> a tree of values that know where they were written.

PyYAML reads the text into events; what a plain scalar means is decided here, by the core schema of
YAML 1.2, because PyYAML follows YAML 1.1 (`no` is False, `1:30` is 90, `1e-3` is text there).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import yaml

from mergec.diagnostics import Label, MergecError, Span, safe
from mergec.recipe.errors import (
    AliasUsed,
    DuplicateKey,
    EmptyRecipe,
    InvalidYaml,
    RecipeTooLarge,
    TagUsed,
)
from mergec.recipe.yaml_syntax import invalid_yaml

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from mergec.diagnostics import Diagnostic, SourceText

MAX_BYTES = 1 << 20
MAX_DEPTH = 64

_B = TypeVar("_B", bound="TreeBuilder")
_T = TypeVar("_T")

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
    """The span of the value at `path` and of its key; of the nearest ancestor where it ends early.

    A collection that begins below its key is represented by the key, which is what a message is about.
    Where one item may stand for a list of one, it is also found as that list's only item.
    """
    span, key_span = node.span, None
    for key in path:
        if isinstance(node, YamlMapping) and key in node.entries:
            key_span = node.key_spans[str(key)]
            node = node.entries[str(key)]
        elif isinstance(node, YamlSequence) and isinstance(key, int) and key < len(node.items):
            key_span = None
            node = node.items[key]
        elif isinstance(node, YamlMapping) and key == 0:
            continue
        else:
            break
        span = node.span
        if key_span is not None and key_span.line < span.line and not isinstance(node, YamlScalar):
            span = key_span
    return span, key_span


def read_yaml(source: SourceText) -> YamlNode:
    """Parse one document.

    Raises:
        MergecError: MC0101 for text that is not YAML; MC0102 duplicate keys (all of them), MC0103
            anchors and aliases, MC0104 tags, MC0105 too large or too deep, MC0106 nothing there.
    """
    tree = built(TreeBuilder(source), TreeBuilder.document)
    if tree is None:
        raise MergecError([EmptyRecipe(span=Span(source, 1, 1, 2))])
    return tree


def built(builder: _B, read: Callable[[_B, Iterator[yaml.Event]], _T]) -> _T:
    """What `read` makes of the text of a builder.

    Raises:
        MergecError: MC0101 to MC0105.
    """
    source = builder.source
    if len(source.text.encode("utf-8", "surrogatepass")) > MAX_BYTES:
        start = Span(source, 1, 1, 2)
        raise MergecError([RecipeTooLarge(span=start, what=f"larger than {MAX_BYTES} bytes")])
    try:
        made = read(builder, iter(yaml.parse(source.text, Loader=yaml.SafeLoader)))
    except yaml.YAMLError as error:
        raise MergecError([*builder.found, invalid_yaml(source, error)]) from None
    if builder.found:
        raise MergecError(builder.found)
    return made


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


class TreeBuilder:
    """Builds the tree from the parser's events, noting what the language forbids in `found`."""

    def __init__(self, source: SourceText) -> None:
        """Build trees of this text."""
        self.source = source
        self._lines = source.text.splitlines()
        self.found: list[Diagnostic] = []

    def document(self, events: Iterator[yaml.Event]) -> YamlNode | None:
        """The tree of the one document; None where there is nothing."""
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
        self._judge_anchor(event, span)
        self._refuse_tag(event, span)
        if isinstance(event, yaml.SequenceStartEvent):
            items: list[YamlNode] = []
            while not isinstance(item := next(events), yaml.SequenceEndEvent):
                items.append(self._node(item, events, depth + 1))
            return YamlSequence(tuple(items), self._whole(event, item))
        if isinstance(event, yaml.MappingStartEvent):
            return self._mapping(event, events, depth)
        if isinstance(event, yaml.ScalarEvent):
            is_plain = event.implicit[0]
            value = scalar(event.value) if is_plain else event.value
            return YamlScalar(value, event.value, not is_plain, span)
        return YamlScalar(None, "", quoted=False, span=span)  # an alias, already reported

    def _mapping(self, start: yaml.Event, events: Iterator[yaml.Event], depth: int) -> YamlMapping:
        entries: dict[str, YamlNode] = {}
        key_spans: dict[str, Span] = {}
        while not isinstance(event := next(events), yaml.MappingEndEvent):
            key = self._node(event, events, depth + 1)
            value_event = next(events)
            if isinstance(key, YamlScalar) and key.text == "<<" and not key.quoted:
                self._merge(key, value_event, events, depth)
                continue
            value = self._node(value_event, events, depth + 1)
            if not isinstance(key, YamlScalar):
                problem = "a list or mapping cannot be a key"
                help_ = "put the key in quotes to make it a text"
                self.found.append(InvalidYaml(span=key.span, problem=problem, help=help_))
            elif key.text in entries:
                first = Label(key_spans[key.text], "first written here")
                self.found.append(DuplicateKey(span=key.span, key=key.text, others=(first,)))
            else:
                entries[key.text] = value
                key_spans[key.text] = key.span
        return YamlMapping(entries, key_spans, self._whole(start, event))

    def _merge(self, key: YamlScalar, value: yaml.Event, events: Iterator[yaml.Event], depth: int) -> None:
        """Refuse a merge key; pass its value by."""
        if not isinstance(value, yaml.AliasEvent):
            self._node(value, events, depth + 1)
        self.found.append(AliasUsed(span=key.span, what="a merge key (`<<`)"))

    def _judge_anchor(self, event: yaml.Event, span: Span) -> None:
        """Refuse anchors and aliases."""
        written = self._written(span)
        if isinstance(event, yaml.AliasEvent):
            help_ = (
                f'write the value out; if `{safe(written)}` is meant as a text, quote it: "{safe(written)}"'
            )
            self.found.append(AliasUsed(span=span, what=f"an alias (`{safe(written)}`)", help=help_))
        elif getattr(event, "anchor", None) is not None:
            self.found.append(
                AliasUsed(span=span, what=f"an anchor (`&{safe(getattr(event, 'anchor', ''))}`)")
            )

    def _refuse_tag(self, event: yaml.Event, span: Span) -> None:
        if getattr(event, "tag", None) is not None:
            written = self._written(span)
            tag = safe(written.split()[0]) if written.startswith("!") else "!"
            help_ = f'remove it; if it is meant as a text, quote it: "{tag}"'
            self.found.append(TagUsed(span=span.sub(0, len(tag)), tag=tag, help=help_))

    def _written(self, span: Span) -> str:
        return span.source.line(span.line)[span.column - 1 : span.end_column - 1]

    def _whole(self, start: yaml.Event, end: yaml.Event) -> Span:
        """All of a collection, or its first line."""
        first, last = start.start_mark, end.end_mark
        if first is None or last is None:
            raise AssertionError("the parser marks every event")
        line = self._lines[first.line] if first.line < len(self._lines) else ""
        # A block collection ends at the next token; its own text ends with its line.
        stop = last.column if last.line == first.line and last.column > first.column else len(line.rstrip())
        return Span(self.source, first.line + 1, first.column + 1, max(stop, first.column + 1) + 1)

    def _span(self, event: yaml.Event) -> Span:
        start, end = event.start_mark, event.end_mark
        if start is None or end is None:
            raise AssertionError("the parser marks every event")
        line = self._lines[start.line] if start.line < len(self._lines) else ""
        # A block construct's end mark stands at the next token; the eye wants its first line only.
        stop = end.column if end.line == start.line else len(line.rstrip())
        return Span(self.source, start.line + 1, start.column + 1, max(stop, start.column + 1) + 1)
