from __future__ import annotations

import pytest

from mergec.cli.inspection.amounts import format_count, format_number


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0, "0"),
        (999, "999"),
        (1_000, "1 K"),
        (999_499, "999 K"),
        (999_600, "1 M"),
        (68_976_648_192, "69 B"),
        (1_234_000_000_000, "1.23 T"),
        (5 * 10**15, "5e+03 T"),
    ],
)
def test_counts_with_three_digits(number: int, text: str) -> None:
    assert format_count(number) == text


def test_figures() -> None:
    assert [format_number(value) for value in (None, 4, 0.25, 16.0)] == ["", "4", "0.25", "16"]
