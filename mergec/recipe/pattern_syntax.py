"""The text of a pattern -> its segments. Language reference, section 3."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from mergec.diagnostics import did_you_mean
from mergec.recipe.name_errors import BadPattern, PatternError
from mergec.recipe.value_place import within

if TYPE_CHECKING:
    from mergec.diagnostics import Span

# Longer runs of digits are no layer numbers, and Python refuses to convert very long ones.
LONGEST_INDEX = 18
SPECIAL = "*()|[]{}\\"
REGEX_MARK = "re:"


class CaptureKind(Enum):
    """What a capture takes: a segment or part of one, digits, or one or more segments."""

    SEGMENT = "segment"
    INT = "int"
    REST = "**"


class Wildcard(Enum):
    """Text that is not kept. `ANY` as a whole segment is zero or more segments."""

    RUN = "*"
    ANY = "**"


@dataclass(frozen=True, slots=True)
class Text:
    """Literal text, escapes resolved."""

    text: str


@dataclass(frozen=True, slots=True)
class OneOf:
    """Alternatives inside a segment."""

    choices: tuple[tuple[Text | Wildcard, ...], ...]


@dataclass(frozen=True, slots=True)
class Capture:
    """A named part of the name. A plain `{i}` after `{i:int}` takes the kind of the first."""

    name: str
    kind: CaptureKind


@dataclass(frozen=True, slots=True)
class IndexRange:
    """An index segment; the fields mean what they mean in a Python slice."""

    start: int | None
    stop: int | None
    step: int

    def of(self, length: int) -> range:
        """The indices it selects from a list of layers of this length."""
        return range(length)[self.start : self.stop : self.step]


Atom = Text | Wildcard | OneOf | Capture | IndexRange
Segment = tuple[Atom, ...]


def parse_segments(text: str, span: Span | None) -> tuple[Segment, ...]:
    """The segments of a pattern that is not a regular expression.

    Raises:
        PatternError: MC0120, with the position inside `span`.
    """
    return _Reader(text, span).segments()


def escape(name: str) -> str:
    """The pattern that matches this name and nothing else."""
    escaped = "".join(f"\\{char}" if char in SPECIAL else char for char in name)
    return escaped.replace(":", "\\:", 1) if escaped.startswith(REGEX_MARK) else escaped


def unreadable(text: str, span: Span | None, reason: str, help_: str | None = None) -> PatternError:
    """The error for a pattern with this reason, pointing at `span`."""
    return PatternError([BadPattern(span=span, pattern=text, reason=reason, help=help_)])


_SLICE = re.compile(r"(-?[0-9]+)?:(-?[0-9]+)?(?::(-?[0-9]+))?")
_ONE = re.compile(r"-?[0-9]+")
_CAPTURE = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)(?::(.*))?", re.DOTALL)
_KINDS = {None: CaptureKind.SEGMENT, "int": CaptureKind.INT, "**": CaptureKind.REST}
_TEXT = re.compile(r"[^.*()|\[\]{}\\]+")
_LITERAL_HELP = "write `\\{char}` to mean the character itself"


def _range_of(found: re.Match[str]) -> IndexRange:
    first, last, step = (int(part) if part else None for part in found.groups())
    return IndexRange(first, last, 1 if step is None else step)


class _Reader:
    def __init__(self, text: str, span: Span | None) -> None:
        self.text = text
        self.span = span
        self.at = 0
        self.kinds: dict[str, CaptureKind] = {}

    def segments(self) -> tuple[Segment, ...]:
        segments: list[Segment] = [self.segment()]
        while self.at < len(self.text):
            self.at += 1  # the dot
            segments.append(self.segment())
        return tuple(segments)

    def segment(self) -> Segment:
        atoms: list[Atom] = []
        start = self.at
        while self.at < len(self.text) and self.text[self.at] != ".":
            if self.text[self.at] == "[":
                atoms.append(self.index_range(whole=self.at == start))
            else:
                atoms.append(self.atom())
        return tuple(atoms)

    def atom(self) -> Atom:
        char = self.text[self.at]
        if char == "*":
            return self.wildcard()
        if char == "(":
            return self.one_of()
        if char == "{":
            return self.capture()
        return self.literal()

    def wildcard(self) -> Wildcard:
        run = len(self.text) - self.at - len(self.text[self.at :].lstrip("*"))
        if run > 2:
            raise self.fail(self.at, run, f"`{'*' * run}` has no meaning", "use `*` or `**`")
        self.at += run
        return Wildcard.ANY if run == 2 else Wildcard.RUN

    def literal(self) -> Text:
        start, parts = self.at, []
        while self.at < len(self.text):
            if found := _TEXT.match(self.text, self.at):
                parts.append(found[0])
                self.at = found.end()
            elif self.text[self.at] == "\\":
                parts.append(self.escaped())
            else:
                break
        if self.at == start:
            char = self.text[start]
            reason = "`|` stands outside parentheses" if char == "|" else f"`{char}` closes nothing"
            raise self.fail(start, 1, reason, _LITERAL_HELP.format(char=char))
        return Text("".join(parts))

    def escaped(self) -> str:
        char = self.text[self.at + 1 : self.at + 2]
        if not char:
            raise self.fail(self.at, 1, "a backslash stands at the end", "write `\\\\` for a backslash")
        if char.isalnum():
            help_ = "a backslash only makes a special character ordinary; `re:` begins a regular expression"
            raise self.fail(self.at, 2, f"`\\{char}` has no meaning", help_)
        self.at += 2
        return char

    def one_of(self) -> OneOf:
        start = self.at
        self.at += 1
        choices: list[tuple[Text | Wildcard, ...]] = []
        choice: list[Text | Wildcard] = []
        while self.at < len(self.text):
            char = self.text[self.at]
            if char in "|)":
                choices.append(tuple(choice))
                choice = []
                self.at += 1
                if char == ")":
                    return OneOf(tuple(choices))
            elif char in "([{.":
                help_ = "write one pattern for each, or a regular expression: `re:^...$`"
                raise self.fail(self.at, 1, f"alternatives may not hold `{char}`", help_)
            else:
                choice.append(self.choice_atom())
        raise self.fail(start, 1, "this parenthesis is never closed", _LITERAL_HELP.format(char="("))

    def choice_atom(self) -> Text | Wildcard:
        if self.text[self.at] != "*":
            return self.literal()
        if self.text.startswith("**", self.at):
            raise self.fail(self.at, 2, "alternatives may not hold `**`", "use `*`")
        return self.wildcard()

    def inside(self, close: str, what: str) -> tuple[int, str]:
        """The text from here to `close`, and where it begins; moves past `close`."""
        begin, end = self.at + 1, self.text.find(close, self.at)
        if end < 0:
            help_ = _LITERAL_HELP.format(char=self.text[self.at])
            raise self.fail(self.at, 1, f"this {what} is never closed", help_)
        self.at = end + 1
        return begin, self.text[begin:end]

    def index_range(self, *, whole: bool) -> IndexRange:
        start = self.at
        _, inner = self.inside("]", "bracket")
        length = self.at - start
        if not whole or self.text[self.at : self.at + 1] not in {"", "."}:
            help_ = f"put dots around it, or {_LITERAL_HELP.format(char='[')}"
            raise self.fail(start, length, "an index range must be a whole segment", help_)
        numbers = re.findall("[0-9]+", inner)
        many = _SLICE.fullmatch(inner)
        one = _ONE.fullmatch(inner) is not None
        if any(len(number) > LONGEST_INDEX for number in numbers) or not (one or many):
            help_ = "index ranges look like `[4]`, `[0:8]`, `[-2:]` or `[0:24:2]`"
            raise self.fail(start, length, f"`[{inner}]` is not an index range", help_)
        if many is None:
            index = int(inner)
            return IndexRange(index, None if index == -1 else index + 1, 1)
        return self.checked(_range_of(many), start, length)

    def checked(self, found: IndexRange, start: int, length: int) -> IndexRange:
        if found.step < 1:
            raise self.fail(
                start, length, f"the step of a range cannot be {found.step}", "a step is 1 or more"
            )
        first, last = found.start or 0, found.stop
        if last is not None and (first < 0) == (last < 0) and first >= last:
            help_ = "ranges are half-open: `[0:8]` is layers 0 to 7"
            raise self.fail(start, length, "this range is empty", help_)
        return found

    def capture(self) -> Capture:
        start = self.at
        _, inner = self.inside("}", "brace")
        length = self.at - start
        found = _CAPTURE.fullmatch(inner)
        if found is None:
            help_ = "captures look like `{name}`, `{i:int}` or `{rest:**}`; `{i+1}` belongs in a template"
            raise self.fail(start, length, f"`{{{inner}}}` is not a capture", help_)
        name, written = found[1], found[2]
        if written not in _KINDS:
            help_ = did_you_mean(written, ["int", "**"]) or "the types are `int` and `**`"
            raise self.fail(start, length, f"unknown capture type `{written}`", help_)
        kind = _KINDS[written]
        first = self.kinds.setdefault(name, kind)
        if kind not in {first, CaptureKind.SEGMENT}:
            help_ = "give the type where the capture is first written"
            raise self.fail(start, length, f"`{name}` is captured with another type before", help_)
        return Capture(name, first)

    def fail(self, start: int, length: int, reason: str, help_: str) -> PatternError:
        return unreadable(self.text, within(self.span, start, length), reason, help_)
