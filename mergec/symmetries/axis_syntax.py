"""The text of a tensor's axes -> its structure: `(kv q[kv] _) res`, `(h qk[h] | h v[h])`, `c!`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mergec.diagnostics import MergecError
from mergec.recipe.template import Template
from mergec.recipe.value_place import within
from mergec.symmetries.errors import BadAxes

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mergec.diagnostics import Span
    from mergec.recipe.pattern_syntax import CaptureKind

_TOKEN = re.compile(r"\s*([()\[\]|!]|(?:[^\s()\[\]|!{}]|\{[^{}]*\})+|\S)")
_GROUP = re.compile(r"(?:[A-Za-z]|\{[^{}]*\})(?:[A-Za-z0-9_]|\{[^{}]*\})*")
_FIXED = re.compile(r"_[A-Za-z0-9_]*")
_LONGEST_NUMBER = 18
_END = "the end"


@dataclass(frozen=True, slots=True)
class FactorText:
    """A factor: a number, a fixed one (`_`, `_hd`), or a group with its parents, outermost first."""

    name: Template | None
    parents: tuple[Template, ...] = ()
    size: int | None = None

    @property
    def is_group(self) -> bool:
        """Whether its indices may be exchanged."""
        return self.name is not None and not self.name.text.startswith("_")

    def __str__(self) -> str:
        family = f"[{' '.join(map(str, self.parents))}]" if self.parents else ""
        return f"{self.size if self.name is None else self.name}{family}"


AxisText = tuple[tuple[FactorText, ...], ...]
"""Segments of factors, as in `mergec.ir.symmetry.Axis`."""


@dataclass(frozen=True, slots=True)
class AxesText:
    """The axes of a tensor. One that is not matched is permuted with the others and finds no permutation."""

    axes: tuple[AxisText, ...]
    is_matched: bool = True

    def __str__(self) -> str:
        return " ".join(map(axis_as_text, self.axes)) + ("" if self.is_matched else "!")


def axis_as_text(axis: Sequence[Sequence[object]]) -> str:
    """An axis as it is written: segments of factors."""
    inner = " | ".join(" ".join(map(str, segment)) for segment in axis)
    return inner if len(axis) == 1 and len(axis[0]) == 1 else f"({inner})"


def parse_axes(text: str, span: Span | None, captures: Mapping[str, CaptureKind]) -> AxesText:
    """Read the axes of a tensor. Names of groups may hold these captures: `S{s-1}`.

    Raises:
        MergecError: MC0501 with the position inside `span`; MC0121 to MC0123 for what is in braces.
    """
    return _Reader(text, span, captures).axes()


class _Reader:
    def __init__(self, text: str, span: Span | None, captures: Mapping[str, CaptureKind]) -> None:
        self._text = text
        self._span = span
        self._captures = captures
        self._tokens = [(found[1], found.start(1)) for found in _TOKEN.finditer(text)]
        self._tokens.append((_END, len(text)))
        self._next = 0

    def axes(self) -> AxesText:
        axes: list[AxisText] = []
        while self._peek() not in {_END, "!"}:
            axes.append(self._axis())
        if not axes:
            raise self._fail("it names no axis", "write one entry for each dimension: `_` for one that stays")
        is_matched = not self._skip("!")
        if self._peek() != _END:
            help_ = "write `!` once, at the end: the tensor as a whole is left out of matching"
            raise self._fail(f"`{self._peek()}` follows `!`", help_)
        return AxesText(tuple(axes), is_matched)

    def _axis(self) -> AxisText:
        if not self._skip("("):
            return ((self._factor(),),)
        start = self._next - 1
        segments = [self._segment()]
        while self._skip("|"):
            segments.append(self._segment())
        if not self._skip(")"):
            if self._peek() != _END:
                raise self._fail(f"`{self._peek()}` cannot stand inside parentheses")
            self._next = start
            raise self._fail("this parenthesis is never closed")
        return tuple(segments)

    def _segment(self) -> tuple[FactorText, ...]:
        factors: list[FactorText] = []
        while self._peek() not in {"|", ")", "(", "]", "!", _END}:
            factors.append(self._factor())
        if not factors:
            raise self._fail("a group or a size is missing here", "write `_` for indices that stay")
        return tuple(factors)

    def _factor(self) -> FactorText:
        word = self._peek()
        if word.isascii() and word.isdigit():
            if int(word[:_LONGEST_NUMBER]) == 0 or len(word) > _LONGEST_NUMBER:
                raise self._fail(f"an axis cannot have {word} indices")
            self._next += 1
            return FactorText(None, size=int(word))
        if _FIXED.fullmatch(word):
            return FactorText(self._name())
        if not _GROUP.fullmatch(word):
            raise self._fail(*_no_group(word))
        return FactorText(self._name(), self._parents())

    def _parents(self) -> tuple[Template, ...]:
        if not self._skip("["):
            return ()
        start = self._next - 1
        parents: list[Template] = []
        while not self._skip("]"):
            if self._peek() == _END:
                self._next = start
                raise self._fail("this bracket is never closed")
            if not _GROUP.fullmatch(self._peek()):
                raise self._fail(f"`{self._peek()}` is no group", "a family's parents are groups: `q[kv]`")
            parents.append(self._name())
        if not parents:
            self._next = start
            raise self._fail("a family needs a parent", "write `q[kv]`: one permutation of q for each kv")
        return tuple(parents)

    def _name(self) -> Template:
        word, at = self._tokens[self._next]
        self._next += 1
        return Template.parse(word, within(self._span, at, len(word)), self._captures)

    def _peek(self) -> str:
        return self._tokens[self._next][0]

    def _skip(self, token: str) -> bool:
        is_next = self._peek() == token and self._next < len(self._tokens) - 1
        self._next += is_next
        return is_next

    def _fail(self, reason: str, help_: str | None = None) -> MergecError:
        word, at = self._tokens[self._next]
        place = within(self._span, at, 1 if word == _END else len(word))
        return MergecError([BadAxes(span=place, text=self._text, reason=reason, help=help_)])


def _no_group(word: str) -> tuple[str, str | None]:
    if word == "[":
        return "this bracket follows no group", "write the parent right after its family: `q[kv]`"
    if word == "|":
        return "`|` stands outside parentheses", "write `(a | b)` for indices of b after those of a"
    if word in {")", "]"}:
        return f"`{word}` closes nothing", None
    if word == "{" or "{" not in word:
        return f"`{word}` is no group", "names of groups are letters, digits and underscores, a letter first"
    return f"`{word}` is no group", "write captures in braces after a letter: `S{s-1}`"
