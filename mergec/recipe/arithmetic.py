"""Models written as arithmetic: `base + 0.5 * (math - base)`."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mergec.diagnostics import MergecError
from mergec.recipe.errors import BadArithmetic
from mergec.recipe.value_place import within

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mergec.diagnostics import Span


@dataclass(frozen=True, slots=True)
class Name:
    """A source or model."""

    name: str
    span: Span


@dataclass(frozen=True, slots=True)
class Number:
    """A literal."""

    value: float
    span: Span


@dataclass(frozen=True, slots=True)
class Binary:
    """left OP right with OP one of + - * /. `span` is the operator's."""

    operator: str
    left: Arithmetic
    right: Arithmetic
    span: Span


Arithmetic = Name | Number | Binary

_TOKEN = re.compile(
    r"\s*(?:(?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)|(?P<name>[A-Za-z_]\w*)|(?P<operator>[-+*/()]))"
)
_MAX_DEPTH = 64
_HYPHENED = re.compile(r"[A-Za-z_]\w*(?:-\w+)+")
_COMMA = re.compile(r"[0-9]+(?P<comma>,)[0-9]*")
_ADVICE = "write sums of models times numbers, such as `base + 0.5 * (tuned - base)`"


def operands_first(expression: Arithmetic) -> list[Arithmetic]:
    """All parts of an expression, each after its operands, left before right.

    A sum of thousands of terms nests as deep as it is long, so nothing here may recurse.
    """
    found: list[Arithmetic] = []
    waiting = [expression]
    while waiting:
        part = waiting.pop()
        found.append(part)
        if isinstance(part, Binary):
            waiting += (part.left, part.right)
    return found[::-1]


def names(expression: Arithmetic) -> list[Name]:
    """The models that an expression uses, left to right."""
    return [part for part in operands_first(expression) if isinstance(part, Name)]


def parse_arithmetic(text: str, span: Span) -> Arithmetic:
    """Parse an expression. `span` is where the text stands in the recipe.

    Numbers are folded: what is left of a product is always one number and one model.

    Raises:
        MergecError: MC0119, at the character where reading failed.
    """
    return _Parser(text, span).whole()


class _Parser:
    """Recursive descent with one token of lookahead."""

    def __init__(self, text: str, span: Span) -> None:
        self._text = text
        self._span = span
        self._tokens = list(self._tokenise())
        self._next = 0
        self._depth = 0

    def whole(self) -> Arithmetic:
        tree = self._sum()
        if self._next < len(self._tokens):
            _, token, start = self._tokens[self._next]
            opened = {")": "this parenthesis was never opened"}
            problem = opened.get(token, f"an operator is missing before `{token}`")
            raise self._error(problem, start, len(token))
        if isinstance(tree, Number):
            raise self._error("it is a number, not a model", 0, len(self._text))
        return tree

    def _tokenise(self) -> Iterator[tuple[str, str, int]]:
        position = 0
        text = self._text
        while position < len(text.rstrip()):
            found = _TOKEN.match(text, position)
            if found is None or found.lastgroup is None:
                start = position + len(text[position:]) - len(text[position:].lstrip())
                raise self._error(f"`{text[start]}` has no meaning here", start, 1)
            yield found.lastgroup, found[found.lastgroup], found.start(found.lastgroup)
            position = found.end()

    def _error(self, problem: str, start: int, length: int) -> MergecError:
        help_ = _ADVICE
        hyphened = next(
            (one for one in _HYPHENED.finditer(self._text) if one.start() <= start < one.end()), None
        )
        if hyphened is not None:
            name = hyphened[0].replace("-", "_")
            help_ = f"a hyphen is a minus here; names have underscores: `{name}`"
        elif meant := next((one for one in _COMMA.finditer(self._text) if one.start("comma") == start), None):
            help_ = f"write a decimal point: `{meant[0].replace(',', '.')}`"
        place = self._place(start, length)
        return MergecError([BadArithmetic(span=place, problem=problem, help=help_)])

    def _place(self, start: int, length: int) -> Span:
        return within(self._span, max(start, 0), length) or self._span

    def _peek(self) -> str:
        return self._tokens[self._next][1] if self._next < len(self._tokens) else ""

    def _sum(self) -> Arithmetic:
        left = self._product()
        while self._peek() in {"+", "-"}:
            _, operator, start = self._tokens[self._next]
            self._next += 1
            left = self._combine(operator, left, self._product(), start)
        return left

    def _product(self) -> Arithmetic:
        left = self._factor()
        while self._peek() in {"*", "/"}:
            _, operator, start = self._tokens[self._next]
            self._next += 1
            left = self._combine(operator, left, self._factor(), start)
        return left

    def _factor(self) -> Arithmetic:
        if self._next >= len(self._tokens):
            problem = "it ends where a model or a number should come" if self._tokens else "it is empty"
            raise self._error(problem, len(self._text.rstrip()) - 1, 1)
        kind, token, start = self._tokens[self._next]
        self._next += 1
        if kind == "number":
            if not math.isfinite(float(token)):
                raise self._error("a number is too large", start, len(token))
            return Number(float(token), self._place(start, len(token)))
        if kind == "name":
            return Name(token, self._place(start, len(token)))
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            raise self._error(f"it nests deeper than {_MAX_DEPTH} levels", start, 1)
        if token in {"-", "+"}:
            operand = self._factor()
            sign = Number(-1.0 if token == "-" else 1.0, self._place(start, 1))  # noqa: S105
            result = operand if token == "+" else self._combine("*", sign, operand, start)  # noqa: S105
        elif token == "(":  # noqa: S105
            result = self._sum()
            if self._peek() != ")":
                raise self._error("this parenthesis is never closed", start, 1)
            self._next += 1
        else:
            raise self._error(f"`{token}` stands where a model or a number should", start, 1)
        self._depth -= 1
        return result

    def _combine(self, operator: str, left: Arithmetic, right: Arithmetic, start: int) -> Arithmetic:
        numbers = isinstance(left, Number), isinstance(right, Number)
        if isinstance(left, Number) and isinstance(right, Number):
            return Number(self._fold(operator, left.value, right.value, start), left.span)
        if operator in {"+", "-"} and any(numbers):
            raise self._error("a number cannot be added to a model", start, 1)
        if operator == "*" and not any(numbers):
            raise self._error("two models cannot be multiplied", start, 1)
        if operator == "/":
            if not isinstance(right, Number):
                raise self._error("a model can be divided by a number only", start, 1)
            return Binary("*", Number(self._fold("/", 1.0, right.value, start), right.span), left, right.span)
        if operator == "*" and isinstance(right, Number):
            left, right = right, left
        return Binary(operator, left, right, self._place(start, 1))

    def _fold(self, operator: str, left: float, right: float, start: int) -> float:
        if operator == "/" and right == 0:
            raise self._error("division by zero", start, 1)
        results = {"+": left + right, "-": left - right, "*": left * right}
        value = left / right if operator == "/" else results[operator]
        if not math.isfinite(value):
            raise self._error("a number is too large", start, 1)
        return value
