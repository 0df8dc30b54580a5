"""The right side of a rename rule: text with captures put in. Language reference, section 3."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mergec.diagnostics import did_you_mean
from mergec.recipe.name_errors import (
    BadTemplate,
    NegativeIndex,
    NotAnIndex,
    PatternError,
    UnknownCapture,
)
from mergec.recipe.pattern_syntax import LONGEST_INDEX, SPECIAL, CaptureKind
from mergec.recipe.value_place import within

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mergec.diagnostics import Span

_USE = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)(?:([+-])([0-9]{1,18}))?")
_TYPED = re.compile(r"([A-Za-z_][A-Za-z0-9_]*):.*", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Hole:
    """A place for a capture; `shift` is None where the text goes in as it is."""

    capture: str
    shift: int | None
    text: str


@dataclass(frozen=True, slots=True)
class Template:
    """A template, read and checked against the captures it may use."""

    text: str
    span: Span | None = field(default=None, compare=False, repr=False)
    parts: tuple[str | Hole, ...] = field(default=(), compare=False, repr=False)

    @classmethod
    def parse(cls, text: str, span: Span | None, captures: Mapping[str, CaptureKind]) -> Template:
        """Read a template that is filled with these captures (`Pattern.captures`).

        Raises:
            PatternError: MC0121 for text that is no template, MC0122 for a capture that is not there,
                MC0123 for arithmetic on one that is no index.
        """
        parts = _Reader(text, span).parts()
        for part in parts:
            if isinstance(part, Hole):
                _check(part, text, span, captures)
        return cls(text, span, parts)

    @property
    def captures(self) -> frozenset[str]:
        """The names of the captures it uses."""
        return frozenset(part.capture for part in self.parts if isinstance(part, Hole))

    def fill(self, captures: Mapping[str, str]) -> str:
        """The name it makes of what a pattern captured.

        Raises:
            PatternError: MC0124 when a shift leads below zero.
        """
        return "".join(
            part if isinstance(part, str) else self._filled(part, captures[part.capture])
            for part in self.parts
        )

    def _filled(self, hole: Hole, text: str) -> str:
        if hole.shift is None:
            return text
        index = int(text) + hole.shift
        if index < 0:
            help_ = "restrict the pattern to the layers that can be shifted"
            error = NegativeIndex(span=self.span, use=hole.text, found=text, index=index, help=help_)
            raise PatternError([error])
        return str(index)

    def __str__(self) -> str:
        return self.text


def _check(hole: Hole, text: str, span: Span | None, captures: Mapping[str, CaptureKind]) -> None:
    place = within(span, text.find("{" + hole.text + "}"), len(hole.text) + 2)
    kind = captures.get(hole.capture)
    if kind is None:
        listed = ", ".join(f"`{{{name}}}`" for name in captures)
        help_ = did_you_mean(hole.capture, captures)
        help_ = help_ or (f"the pattern captures {listed}" if captures else "the pattern captures nothing")
        raise PatternError([UnknownCapture(span=place, capture=hole.capture, help=help_)])
    if hole.shift is not None and kind is not CaptureKind.INT:
        help_ = f"write `{{{hole.capture}:int}}` in the pattern"
        error = NotAnIndex(span=place, capture=hole.capture, use=hole.text, help=help_)
        raise PatternError([error])


class _Reader:
    def __init__(self, text: str, span: Span | None) -> None:
        self.text = text
        self.span = span
        self.at = 0

    def parts(self) -> tuple[str | Hole, ...]:
        if not self.text:
            raise self.fail(0, 1, "it is empty", "say what the new name is")
        parts: list[str | Hole] = []
        literal: list[str] = []
        while self.at < len(self.text):
            char = self.text[self.at]
            if char == "{":
                parts.extend(["".join(literal), self.hole()])
                literal = []
            else:
                literal.append(self.literal(char))
        parts.append("".join(literal))
        return tuple(part for part in parts if part)

    def literal(self, char: str) -> str:
        if "\ud800" <= char <= "\udfff":
            raise self.fail(self.at, 1, "it holds half of a character (a lone surrogate)", None)
        if char == "\\":
            char = self.text[self.at + 1 : self.at + 2]
            if not char or char.isalnum():
                help_ = "a backslash only makes a special character ordinary; write `\\\\` for one"
                raise self.fail(self.at, 2, f"`\\{char}` has no meaning", help_)
            self.at += 2
            return char
        if char in SPECIAL:
            help_ = f"capture what it stands for, as `{{name}}`, or write `\\{char}` for the character"
            raise self.fail(self.at, 1, f"`{char}` has no meaning in a template", help_)
        self.at += 1
        return char

    def hole(self) -> Hole:
        start, end = self.at, self.text.find("}", self.at)
        if end < 0:
            raise self.fail(start, 1, "this brace is never closed", "write `\\{` for a brace")
        inner = self.text[start + 1 : end]
        self.at = end + 1
        found = _USE.fullmatch(inner)
        if found is None:
            typed = _TYPED.fullmatch(inner)
            help_ = f"write `{{{typed[1]}}}`: types belong in the pattern" if typed else None
            help_ = help_ or f"write `{{name}}`, `{{i+16}}` or `{{i-2}}`, at most {LONGEST_INDEX} digits"
            raise self.fail(start, self.at - start, f"`{{{inner}}}` is no use of a capture", help_)
        shift = int(found[2] + found[3]) if found[3] else None
        return Hole(found[1], shift, inner)

    def fail(self, start: int, length: int, reason: str, help_: str | None) -> PatternError:
        place = within(self.span, start, length)
        return PatternError([BadTemplate(span=place, template=self.text, reason=reason, help=help_)])
