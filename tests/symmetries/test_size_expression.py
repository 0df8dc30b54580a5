from __future__ import annotations

from contextlib import suppress
from fractions import Fraction
from operator import add, mul, sub, truediv
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mergec.symmetries.size_expression import (
    MissingKeyError,
    NotANumberError,
    UnreadableSizeError,
    configured,
    evaluate,
    holds,
    parse_size,
)

CONFIG = {
    "heads": 32,
    "kv": 8,
    "text_config": {"heads": 4},
    "none": None,
    "name": "x",
    "tie": True,
    "half": 0.5,
    "kinds": ["One", "Two"],
}


def value(text: str) -> Fraction:
    return evaluate(parse_size(text), lambda path: configured(path, CONFIG))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("12", 12),
        ("heads", 32),
        ("heads / kv", 4),
        ("heads / kv / 2 * 3", 6),
        ("heads - kv - 1", 23),
        ("2 + heads * kv", 258),
        ("(2 + heads) * kv", 272),
        ("text_config.heads", 4),
        ("missing or heads", 32),
        ("missing / kv or none or text_config.heads + 1", 5),
        ("text_config.kv or kv", 8),
        ("heads or missing", 32),
        ("heads.kv or 3", 3),
        ("1 - (tie or false)", 0),
        ("1 - (other or false)", 1),
        ("kv / 3 * 3", 8),
        ("kinds.Two", 1),
        ("1 - (kinds.Three or kinds.One)", 0),
        ("kinds.Three or 0", 0),
    ],
)
def test_arithmetic_over_config(text: str, expected: int) -> None:
    assert value(text) == expected


def test_what_has_no_value() -> None:
    with pytest.raises(MissingKeyError, match="none"):
        value("none")
    with pytest.raises(MissingKeyError, match=r"text_config\.kv"):
        value("heads / text_config.kv")
    with pytest.raises(NotANumberError, match="whole number"):
        value("half or 3")
    with pytest.raises(NotANumberError, match="whole number"):
        value("name")
    with pytest.raises(NotANumberError, match="zero"):
        value("heads / (kv - 8)")


@pytest.mark.parametrize(
    "text", ["", "1 +", "or", "heads heads", "(1", "1)", "heads ** 2", "-1", "a.", "9" * 19, "(" * 60 + "1"]
)
def test_what_is_no_size(text: str) -> None:
    with pytest.raises(UnreadableSizeError):
        parse_size(text)


def test_a_condition_that_has_no_value_does_not_hold() -> None:
    assert holds(parse_size("tie"), CONFIG)
    assert not holds(parse_size("1 - tie"), CONFIG)
    assert not holds(parse_size("missing"), CONFIG)
    assert not holds(parse_size("name"), CONFIG)


class Sum(NamedTuple):
    """Arithmetic as text, and its value; None where it divides by zero."""

    text: str
    value: Fraction | None


def joined(left: Sum, operator: str, right: Sum) -> Sum:
    text = f"({left.text} {operator} {right.text})"
    if left.value is None or right.value is None or (operator == "/" and right.value == 0):
        return Sum(text, None)
    compute = {"+": add, "-": sub, "*": mul, "/": truediv}[operator]
    return Sum(text, compute(left.value, right.value))


sums = st.recursive(
    st.integers(0, 1000).map(lambda number: Sum(str(number), Fraction(number))),
    lambda inner: st.builds(joined, inner, st.sampled_from("+-*/"), inner),
)


@given(sums)
def test_arithmetic_is_exact(one: Sum) -> None:
    if one.value is None:
        with pytest.raises(NotANumberError):
            value(one.text)
    else:
        assert value(one.text) == one.value


@given(st.text(max_size=30) | st.text(alphabet="ab1 .+-*/()or", max_size=30))
def test_any_text_is_a_size_or_an_error(text: str) -> None:
    with suppress(UnreadableSizeError):
        parse_size(text)
