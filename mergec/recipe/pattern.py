"""The one pattern language for tensor names. Language reference, section 3."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from mergec.recipe.pattern_regex import PatternRegex, compile_regex, compile_segments
from mergec.recipe.pattern_syntax import (
    LONGEST_INDEX,
    REGEX_MARK,
    Capture,
    CaptureKind,
    Text,
    escape,
    parse_segments,
    unreadable,
)
from mergec.recipe.value_place import within

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from mergec.diagnostics import Span
    from mergec.recipe.pattern_syntax import Segment

__all__ = ["BoundPattern", "CaptureKind", "Pattern", "escape"]

_NO_CAPTURES: Mapping[str, str] = MappingProxyType({})


class _Found(NamedTuple):
    """What a pattern found in one name. `indices` belong to the pattern's index segments."""

    captures: Mapping[str, str] = _NO_CAPTURES
    place: tuple[str, int] | None = None
    indices: tuple[tuple[str, int], ...] = ()


_PLAIN = _Found()


@dataclass(frozen=True, slots=True)
class Pattern:
    """A pattern, read and compiled. Two patterns are equal when their texts are."""

    text: str
    span: Span | None = field(default=None, compare=False, repr=False)
    captures: Mapping[str, CaptureKind] = field(default_factory=dict, compare=False)
    literal: str | None = field(default=None, compare=False, repr=False)
    segments: tuple[Segment, ...] = field(default=(), compare=False, repr=False)
    _regex: PatternRegex | None = field(default=None, compare=False, repr=False)

    @classmethod
    def parse(cls, text: str, span: Span | None = None) -> Pattern:
        """Read a pattern.

        `literal` is the one name it matches where it is a plain name. `segments` is empty for a
        regular expression. `span` is that of the text, with or without quotes around it.

        Raises:
            PatternError: MC0120.
        """
        if not text:
            raise unreadable(text, span, "it is empty", 'write `"**"` to match every name')
        if not text.isascii():
            _refuse_surrogates(text, span)
        if text.startswith(REGEX_MARK):
            expression = text[len(REGEX_MARK) :]
            place = within(span, len(REGEX_MARK), len(expression))
            regex, kinds = compile_regex(expression, text, place)
            return cls(text, span, kinds, None, (), regex)
        segments = parse_segments(text, span)
        if all(isinstance(atom, Text) for segment in segments for atom in segment):
            return cls(text, span, {}, _literal(segments), segments)
        captured = (atom for segment in segments for atom in segment if isinstance(atom, Capture))
        kinds = {atom.name: atom.kind for atom in captured}
        return cls(text, span, kinds, None, segments, compile_segments(segments, text, span))

    def bind(self, names: Collection[str]) -> BoundPattern:
        """Match against all names of a checkpoint, which is what gives `[-2:]` its meaning."""
        if self._regex is None:
            literal = self.literal or ""
            return BoundPattern(self, {literal: _PLAIN} if literal in names else {})
        return BoundPattern(self, _in_ranges(self._regex, _found_in(self._regex, names)))

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class BoundPattern:
    """A pattern and what it matches among the names of one checkpoint."""

    pattern: Pattern
    _found: Mapping[str, _Found] = field(repr=False)

    @property
    def matches(self) -> list[str]:
        """The names that match, in the order of the names."""
        return list(self._found)

    def __contains__(self, name: object) -> bool:
        return name in self._found

    def __len__(self) -> int:
        return len(self._found)

    def match(self, name: str) -> Mapping[str, str] | None:
        """What the pattern captures from this name; None where it does not match."""
        found = self._found.get(name)
        return None if found is None else found.captures

    def place_of(self, name: str) -> tuple[str, int] | None:
        """The layer number that the pattern finds in a name it matches, after the text before it.

        It is the pattern's first index segment, else its first `{i:int}`; None without either.
        """
        found = self._found.get(name)
        return None if found is None else found.place

    def index_of(self, name: str) -> int | None:
        """The layer number of `place_of` alone."""
        place = self.place_of(name)
        return None if place is None else place[1]


def _refuse_surrogates(text: str, span: Span | None) -> None:
    for at, char in enumerate(text):
        if "\ud800" <= char <= "\udfff":
            raise unreadable(text, within(span, at, 1), "it holds half of a character (a lone surrogate)")


def _literal(segments: tuple[Segment, ...]) -> str:
    texts = ("".join(atom.text for atom in segment if isinstance(atom, Text)) for segment in segments)
    return ".".join(texts)


def _subject(name: str) -> str | bytes:
    """The name as RE2 takes it fastest, with offsets that hold for the name itself."""
    if name.isascii():
        return name.encode("ascii")
    # A header may hold lone surrogates, which have no UTF-8; one character stands in for each.
    return name.encode("utf-8", "replace").decode("utf-8")


def _found_in(regex: PatternRegex, names: Collection[str]) -> dict[str, _Found]:
    found: dict[str, _Found] = {}
    find, prefix, has_groups = regex.find, regex.prefix, regex.has_groups
    for name in names:
        if not name.startswith(prefix):
            continue
        match = find(_subject(name))
        if match is None:
            continue
        if not has_groups:
            found[name] = _PLAIN
            continue
        spans = [match.span(group) for group in range(match.re.groups + 1)]
        read = _read(regex, name, spans)
        if read is not None:
            found[name] = read
    return found


def _read(regex: PatternRegex, name: str, spans: list[tuple[int, int]]) -> _Found | None:
    """What the groups say; None where a repeated capture differs or an index is none."""
    captures: dict[str, str] = {}
    for capture, group in regex.captures:
        start, end = spans[group]
        # RE2 has no back references; and a group that took no part has the span (-1, -1).
        if captures.setdefault(capture, name[start:end]) != name[start:end]:
            return None
    # An index capture that took no part, possible in a regular expression, is no index either.
    if any(not 0 < spans[group][1] - spans[group][0] <= LONGEST_INDEX for group in regex.int_groups):
        return None
    indices: list[tuple[str, int]] = []
    for _, group in regex.ranges:
        start, end = spans[group]
        if end - start > LONGEST_INDEX:
            return None
        indices.append((name[:start], int(name[start:end])))
    if indices:
        return _Found(captures or _NO_CAPTURES, indices[0], tuple(indices))
    if regex.index_group == 0:
        return _Found(captures)
    start, end = spans[regex.index_group]
    return _Found(captures, (name[:start], int(name[start:end])))


def _in_ranges(regex: PatternRegex, found: dict[str, _Found]) -> dict[str, _Found]:
    """Those whose numbers lie in the pattern's index ranges.

    From right to left: the list that a range selects from holds the names that fit the rest of the
    pattern, and for each range the text before it, numbers included, tells one list from another.
    """
    for number in reversed(range(len(regex.ranges))):
        lengths: dict[str, int] = {}
        for item in found.values():
            before, index = item.indices[number]
            lengths[before] = max(lengths.get(before, 0), index + 1)
        wanted = {before: regex.ranges[number][0].of(length) for before, length in lengths.items()}
        kept: dict[str, _Found] = {}
        for name, item in found.items():
            before, index = item.indices[number]
            if index in wanted[before]:
                kept[name] = item
        found = kept
    return found
