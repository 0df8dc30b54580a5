"""Segments of a pattern -> a regular expression that RE2 matches in linear time.

What is open is matched as short as possible from the left, so that `**.{i:int}.**` finds the first
layer number of a name and not the last one (the number of an expert inside a layer).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import re2

from mergec.recipe.pattern_syntax import (
    Capture,
    CaptureKind,
    IndexRange,
    OneOf,
    Text,
    Wildcard,
    unreadable,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from mergec.diagnostics import Span
    from mergec.recipe.pattern_syntax import Atom, Segment

_GLOBSTAR = (Wildcard.ANY,)
_WILDCARDS = {Wildcard.RUN: "[^.]*?", Wildcard.ANY: ".*?"}
_CAPTURES = {CaptureKind.SEGMENT: "([^.]+?)", CaptureKind.INT: "([0-9]+)", CaptureKind.REST: "(.+?)"}
# A named group of digits in a user's regular expression is an index, as `{i:int}` is.
_INT_GROUP = re.compile(r"\(\?P?<([A-Za-z_][A-Za-z0-9_]*)>(?:\\d|\[0-9\])\+?\)")


@dataclass(frozen=True, slots=True)
class PatternRegex:
    """A compiled pattern and what its groups mean.

    `captures` are pairs of name and group; a name may come twice. `ranges` are pairs of an index
    range and its group. `index_group` holds the layer number; 0 where there is none. Every match
    begins with `prefix`, which is checked first because it is much cheaper.
    """

    find: Callable[[str | bytes], Any]
    captures: tuple[tuple[str, int], ...] = ()
    ranges: tuple[tuple[IndexRange, int], ...] = ()
    int_groups: tuple[int, ...] = ()
    prefix: str = ""

    @property
    def index_group(self) -> int:
        """The group of the layer number: the first index segment, else the first `{i:int}`."""
        if self.ranges:
            return self.ranges[0][1]
        return self.int_groups[0] if self.int_groups else 0

    @property
    def has_groups(self) -> bool:
        """Whether more than yes or no is wanted from a match."""
        return bool(self.captures or self.ranges)


def compile_segments(segments: Sequence[Segment], text: str, span: Span | None) -> PatternRegex:
    """The expression for a pattern in our own language.

    Raises:
        PatternError: MC0120 when RE2 refuses the expression, which then is far too large.
    """
    pieces: list[str] = []
    writer = _Writer()
    shown = _without_repeats(segments)
    for number, segment in enumerate(shown):
        last = number == len(shown) - 1
        after_globstar = number > 0 and shown[number - 1] == _GLOBSTAR
        if segment == _GLOBSTAR:
            pieces.append(_globstar(first=number == 0, last=last))
            continue
        if number > 0 and not after_globstar:
            pieces.append(r"\.")
        pieces.extend(writer.atom(atom) for atom in segment)
    regex = _compiled("".join(pieces), text, span, dot_nl=True)
    captures, ranges, ints = tuple(writer.captures), tuple(writer.ranges), tuple(writer.ints)
    return PatternRegex(regex.fullmatch, captures, ranges, ints, _prefix(shown))


def compile_regex(regex: str, text: str, span: Span | None) -> tuple[PatternRegex, dict[str, CaptureKind]]:
    """The expression that a user wrote after `re:`, and the captures that its named groups are.

    Raises:
        PatternError: MC0120 with RE2's own message.
    """
    compiled = _compiled(regex, text, span, dot_nl=False)
    digits = set(_INT_GROUP.findall(regex))
    groups = sorted(compiled.groupindex.items(), key=lambda item: item[1])
    kinds = {name: CaptureKind.INT if name in digits else CaptureKind.REST for name, _ in groups}
    ints = tuple(group for name, group in groups if name in digits)
    return PatternRegex(compiled.search, tuple(groups), (), ints), kinds


class _Writer:
    """Writes atoms as expressions and numbers their groups."""

    def __init__(self) -> None:
        self.captures: list[tuple[str, int]] = []
        self.ranges: list[tuple[IndexRange, int]] = []
        self.ints: list[int] = []
        self._groups = 0

    def atom(self, atom: Atom) -> str:
        if isinstance(atom, IndexRange):
            self._groups += 1
            self.ranges.append((atom, self._groups))
            return _CAPTURES[CaptureKind.INT]
        if isinstance(atom, Capture):
            self._groups += 1
            self.captures.append((atom.name, self._groups))
            if atom.kind is CaptureKind.INT:
                self.ints.append(self._groups)
            return _CAPTURES[atom.kind]
        if isinstance(atom, OneOf):
            choices = ("".join(map(_plain, choice)) for choice in atom.choices)
            return f"(?:{'|'.join(choices)})"
        return _plain(atom)


def _plain(atom: Text | Wildcard) -> str:
    return _WILDCARDS[atom] if isinstance(atom, Wildcard) else str(re2.escape(atom.text))


def _globstar(*, first: bool, last: bool) -> str:
    if last:
        return ".*" if first else r"(?:\..*)?"
    return r"(?:.*?\.)??" if first else r"\.(?:.*?\.)??"


def _without_repeats(segments: Sequence[Segment]) -> list[Segment]:
    """`**.**` means what `**` means; written once, the expression stays small."""
    kept: list[Segment] = []
    for segment in segments:
        if not (segment == _GLOBSTAR and kept and kept[-1] == _GLOBSTAR):
            kept.append(segment)
    return kept


def _prefix(segments: Iterable[Segment]) -> str:
    """The text that every matching name begins with."""
    whole: list[str] = []
    for segment in segments:
        if len(segment) == 1 and isinstance(segment[0], Text):
            whole.append(segment[0].text)
            continue
        if segment == _GLOBSTAR:
            return ".".join(whole)  # zero segments: not even the dot is certain
        begin = segment[0].text if segment and isinstance(segment[0], Text) else ""
        return ".".join([*whole, begin])
    return ".".join(whole)


def _compiled(regex: str, text: str, span: Span | None, *, dot_nl: bool) -> Any:  # noqa: ANN401  # re2 has no types
    options = re2.Options()
    options.log_errors = False
    options.dot_nl = dot_nl
    try:
        return re2.compile(regex, options)
    except (re2.error, UnicodeError) as error:
        cause = error.args[0] if error.args else error
        reason = cause.decode("utf-8", "replace") if isinstance(cause, bytes) else str(error)
        help_ = "the syntax is RE2's: no look-around, no back references"
        raise unreadable(text, span, reason, help_) from None
