from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mergec.diagnostics import SourceText, Span
from mergec.lock.arithmetic_text import arithmetic_text
from mergec.recipe.arithmetic import Name, Number, operands_first, parse_arithmetic


def parsed(text: str) -> list[object]:
    """The operations, without their places."""
    expression = parse_arithmetic(text, Span(SourceText("a text", text), 1, 1, len(text) + 1))
    return [
        part.name if isinstance(part, Name) else part.value if isinstance(part, Number) else part.operator
        for part in operands_first(expression)
    ]


def written(text: str) -> str:
    return arithmetic_text(parse_arithmetic(text, Span(SourceText("a text", text), 1, 1, len(text) + 1)))


names = st.sampled_from(["a", "b", "_c1"])
numbers = st.floats(0.001, 1e20).map(repr)
sums = st.recursive(
    names,
    lambda inner: (
        st.tuples(inner, st.sampled_from(["+", " - "]), inner).map("".join)
        | st.tuples(numbers, inner).map(lambda pair: f"{pair[0]}*({pair[1]})")
        | st.tuples(inner, numbers).map(lambda pair: f"({pair[0]}) / {pair[1]}")
        | inner.map(lambda one: f"-({one})")
        | inner.map(lambda one: f"({one})")
    ),
    max_leaves=8,
)


@given(sums)
def test_it_reads_as_what_was_written(text: str) -> None:
    assert parsed(written(text)) == parsed(text)
    assert written(written(text)) == written(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("base+.5*(a-base)", "base + 0.5 * (a - base)"),
        ("a - (b - a) - b", "a - (b - a) - b"),
        ("a*2/4", "0.25 * (2.0 * a)"),
        ("-a + b", "-1.0 * a + b"),
        ("a", "a"),
    ],
)
def test_one_way_only(text: str, expected: str) -> None:
    assert written(text) == expected


def test_a_sum_of_thousands() -> None:
    text = " + ".join(f"0.5 * m{n}" for n in range(3000))
    assert written(text) == text
