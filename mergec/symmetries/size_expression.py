"""Sizes of groups as tables write them: `num_attention_heads / num_key_value_heads`, `head_dim or 64`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

_TOKEN = re.compile(r"\s*([0-9]{1,18}|[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z0-9_]+)*|[-+*/()]|\S)")
_WORD = re.compile(r"[A-Za-z_].*", re.DOTALL)
_CONSTANTS = {"true": Fraction(1), "false": Fraction(0)}
_DEEPEST = 50


class UnreadableSizeError(ValueError):
    """The text is no size; says why."""


class NotANumberError(ValueError):
    """A value of config.json is of no use in arithmetic, or the arithmetic has no result; says why."""


class MissingKeyError(KeyError):
    """config.json lacks a key; its argument is the key."""


@dataclass(frozen=True, slots=True)
class Number:
    """A number that stands in the text."""

    value: Fraction


@dataclass(frozen=True, slots=True)
class Name:
    """A key of config.json, with dots into nested mappings; or another size."""

    text: str


@dataclass(frozen=True, slots=True)
class Pair:
    """Two sizes and `+`, `-`, `*`, `/` or `or`: the second where the first misses a key."""

    operator: str
    left: SizeExpression
    right: SizeExpression


SizeExpression = Number | Name | Pair


def parse_size(text: str) -> SizeExpression:
    """Read a size.

    Raises:
        UnreadableSizeError: it says what is wrong.
    """
    return _Reader(text).whole()


def evaluate(size: SizeExpression, value_of: Callable[[str], Fraction]) -> Fraction:
    """The value, with the values of names. `true` is 1 and `false` is 0.

    Raises:
        MissingKeyError: a name has no value, which `value_of` says by raising it.
        NotANumberError: something is divided by zero.
    """
    if isinstance(size, Number):
        return size.value
    if isinstance(size, Name):
        return value_of(size.text)
    if size.operator == "or":
        try:
            return evaluate(size.left, value_of)
        except MissingKeyError:
            return evaluate(size.right, value_of)
    left, right = evaluate(size.left, value_of), evaluate(size.right, value_of)
    if size.operator == "/":
        if right == 0:
            raise NotANumberError("it divides by zero")
        return left / right
    return {"+": left + right, "-": left - right, "*": left * right}[size.operator]


def names_in_size(size: SizeExpression) -> Iterator[str]:
    """The names that it uses."""
    if isinstance(size, Name):
        yield size.text
    elif isinstance(size, Pair):
        yield from names_in_size(size.left)
        yield from names_in_size(size.right)


def holds(condition: SizeExpression, config: Mapping[str, object]) -> bool:
    """Whether the value for this config.json is not zero; what is missing or no number does not hold."""
    try:
        return evaluate(condition, lambda path: configured(path, config)) != 0
    except (MissingKeyError, NotANumberError):
        return False


def configured(path: str, config: Mapping[str, object]) -> Fraction:
    """The number that config.json has for a key; 1 for a text in a list, `architectures.LlamaForCausalLM`.

    Raises:
        MissingKeyError: the key is missing or null.
        NotANumberError: its value is no whole number.
    """
    value: object = config
    for key in path.split("."):
        if isinstance(value, list):
            value = True if key in value else None
        else:
            value = value.get(key) if isinstance(value, dict) else None
    if value is None:
        raise MissingKeyError(path)
    if isinstance(value, int) or (isinstance(value, float) and value.is_integer()):
        return Fraction(value)
    raise NotANumberError(f"`{path}` is not a whole number in config.json")


class _Reader:
    def __init__(self, text: str) -> None:
        self._tokens = [found[1] for found in _TOKEN.finditer(text)]
        self._next = 0
        self._depth = 0

    def whole(self) -> SizeExpression:
        result = self._either()
        if self._next < len(self._tokens):
            raise UnreadableSizeError(f"`{self._tokens[self._next]}` stands where it should end")
        return result

    def _either(self) -> SizeExpression:
        result = self._sum()
        while self._skip("or"):
            result = Pair("or", result, self._sum())
        return result

    def _sum(self) -> SizeExpression:
        result = self._product()
        while (operator := self._peek()) in {"+", "-"}:
            self._next += 1
            result = Pair(operator, result, self._product())
        return result

    def _product(self) -> SizeExpression:
        result = self._atom()
        while (operator := self._peek()) in {"*", "/"}:
            self._next += 1
            result = Pair(operator, result, self._atom())
        return result

    def _atom(self) -> SizeExpression:
        token = self._peek()
        self._next += 1
        if token.isdigit() and token.isascii():
            return Number(Fraction(int(token)))
        if token in _CONSTANTS:
            return Number(_CONSTANTS[token])
        if _WORD.fullmatch(token) and token != "or":  # noqa: S105
            return Name(token)
        if token != "(":  # noqa: S105
            where = f"`{token}` stands" if token else "it ends"
            raise UnreadableSizeError(f"{where} where a number or a key of config.json should be")
        self._depth += 1
        if self._depth > _DEEPEST:
            raise UnreadableSizeError(f"parentheses are nested deeper than {_DEEPEST} levels")
        result = self._either()
        self._depth -= 1
        if not self._skip(")"):
            raise UnreadableSizeError("a parenthesis is never closed")
        return result

    def _peek(self) -> str:
        return self._tokens[self._next] if self._next < len(self._tokens) else ""

    def _skip(self, token: str) -> bool:
        is_next = self._peek() == token
        self._next += is_next
        return is_next
