"""A rename rule of the simple kinds that are proposed: a run of segments becomes another one."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from mergec.recipe.pattern import escape
from mergec.recipe.proposals.families import LETTERS, MARK
from mergec.recipe.rename_rule import ARROW

if TYPE_CHECKING:
    from collections.abc import Callable

    from mergec.recipe.proposals.families import Segments

# A number in a segment of a target may carry what is added to it.
_NUMBER = re.compile(f"{MARK}([a-z])(?:{MARK}([+-][0-9]+){MARK})?")
_HEAD, _REST = "{head:**}", "{rest:**}"
_PLAIN_SCALAR = re.compile(r"[A-Za-z_][^#\"'\s]*( -> [^#\"'\s]+)?")


def with_shift(segment: str, shifts: dict[str, int]) -> str:
    """The segment with what is to be added to its numbers."""

    def moved(found: re.Match[str]) -> str:
        shift = shifts.get(found[1], 0)
        return f"{found[0]}{MARK}{shift:+}{MARK}" if shift else found[0]

    return _NUMBER.sub(moved, segment)


@dataclass(frozen=True, slots=True)
class Rewrite:
    """`source` becomes `target`, at the start of a name or after a `head`, and up to its end or a `rest`."""

    source: Segments
    target: Segments
    has_head: bool = False
    has_rest: bool = False

    @property
    def is_usable(self) -> bool:
        """Whether a rule can say this: numbers come from the source, and something is found and left."""
        letters = {found[1] for segment in self.source for found in _NUMBER.finditer(segment)}
        wanted = {found[1] for segment in self.target for found in _NUMBER.finditer(segment)}
        finds = bool(self.source) or (self.has_rest and not self.has_head)
        return finds and wanted <= letters and bool(self.target or self.has_head or self.has_rest)

    def normal(self) -> Rewrite:
        """The same with its numbers called i, j, k in the order of the source."""
        letters: dict[str, str] = {}

        def renamed(found: re.Match[str]) -> str:
            if found[1] not in letters:
                letters[found[1]] = LETTERS[len(letters)]
            return found[0].replace(found[1], letters[found[1]], 1)

        source = tuple(_NUMBER.sub(renamed, segment) for segment in self.source)
        target = tuple(_NUMBER.sub(renamed, segment) for segment in self.target)
        return Rewrite(source, target, self.has_head, self.has_rest)

    def apply(self, name: str) -> str | None:
        """The new name; None where the rule does not match. A name may hold marks for its numbers."""
        return self.compiled()(name)

    def compiled(self) -> Callable[[str], str | None]:
        """`apply` for many names."""
        fullmatch = _expression(self).fullmatch
        # Most names lack the longest text of most rules, which is found out much faster.
        needle = max((segment for segment in self.source if MARK not in segment), key=len, default="")

        def apply(name: str) -> str | None:
            if needle not in name:
                return None
            found = fullmatch(name)
            return None if found is None else self._filled(found)

        return apply

    def _filled(self, found: re.Match[str]) -> str:
        def number(use: re.Match[str]) -> str:
            text, shift = found[use[1]], use[2]
            if shift is None:
                return text
            return f"{text}{MARK}{shift}{MARK}" if text.startswith(MARK) else str(int(text) + int(shift))

        parts = [_NUMBER.sub(number, segment) if MARK in segment else segment for segment in self.target]
        head = [found["head"]] if self.has_head else []
        rest = [found["rest"]] if self.has_rest else []
        return ".".join([*head, *parts, *rest])

    @property
    def pattern(self) -> str:
        """What it matches, in the language of patterns."""
        named: set[str] = set()

        def number(found: re.Match[str]) -> str:
            text = f"{{{found[1]}}}" if found[1] in named else f"{{{found[1]}:int}}"
            named.add(found[1])
            return text

        segments = [_written(segment, number) for segment in self.source]
        return ".".join([_HEAD] * self.has_head + segments + [_REST] * self.has_rest)

    @property
    def template(self) -> str:
        """What it makes of that."""

        def number(found: re.Match[str]) -> str:
            return f"{{{found[1]}{found[2] or ''}}}"

        segments = [_written(segment, number) for segment in self.target]
        return ".".join(["{head}"] * self.has_head + segments + ["{rest}"] * self.has_rest)

    @property
    def value(self) -> str | dict[str, str]:
        """The rule as a recipe holds it."""
        pattern, template = self.pattern, self.template
        short = f"{pattern} {ARROW} {template}"
        is_short = short.count(ARROW) == 1 and [pattern, template] == [pattern.strip(), template.strip()]
        return short if is_short else {"from": pattern, "to": template}

    @property
    def yaml(self) -> str:
        """The rule as an item of a list in YAML, printable whatever the names hold."""
        value = self.value
        if isinstance(value, str):
            return value if _PLAIN_SCALAR.fullmatch(value) and value.isprintable() else _quoted(value)
        return f"{{from: {_quoted(value['from'])}, to: {_quoted(value['to'])}}}"


def _quoted(text: str) -> str:
    """A YAML scalar in double quotes."""
    return '"' + "".join(map(_escaped, text)) + '"'


def _escaped(char: str) -> str:
    if char in '"\\':
        return f"\\{char}"
    return char if char.isprintable() else f"\\U{ord(char):08x}"


def _written(segment: str, number: Callable[[re.Match[str]], str]) -> str:
    """A segment with its text escaped and its numbers written by `number`."""
    parts: list[str] = []
    end = 0
    for found in _NUMBER.finditer(segment):
        parts += [escape(segment[end : found.start()]), number(found)]
        end = found.end()
    return "".join([*parts, escape(segment[end:])])


@lru_cache(maxsize=4096)
def _expression(rewrite: Rewrite) -> re.Pattern[str]:
    """What the rule's own pattern becomes, except that marks count as numbers too."""
    seen: set[str] = set()

    def number(found: re.Match[str]) -> str:
        again = found[1] in seen
        seen.add(found[1])
        return f"(?P={found[1]})" if again else f"(?P<{found[1]}>{MARK}[a-z]|[0-9]{{1,18}})"

    parts = []
    for segment in rewrite.source:
        text, end = "", 0
        for found in _NUMBER.finditer(segment):
            text += re.escape(segment[end : found.start()]) + number(found)
            end = found.end()
        parts.append(text + re.escape(segment[end:]))
    head, rest = ["(?P<head>.+?)"] * rewrite.has_head, ["(?P<rest>.+?)"] * rewrite.has_rest
    return re.compile(r"\.".join([*head, *parts, *rest]), re.DOTALL)
