from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mergec.ir.byte_size import format_size, parse_size


@pytest.mark.parametrize(
    ("text", "bytes_"),
    [
        ("5GB", 5 * 10**9),
        ("2GiB", 2 * 2**30),
        ("512MiB", 512 * 2**20),
        ("1_000_000", 10**6),
        ("1.5k", 1500),
        (" 7 B ", 7),
        ("3tib", 3 * 2**40),
        ("8G", 8 * 10**9),
    ],
)
def test_reads_sizes(text: str, bytes_: int) -> None:
    assert parse_size(text) == bytes_


@pytest.mark.parametrize("text", ["", "GB", "-1", "0", "0.1", "5XB", "5iB", "1e9", "5 GB GB", "nan", "٣"])
def test_refuses_what_is_no_size(text: str) -> None:
    with pytest.raises(ValueError, match="size"):
        parse_size(text)


@given(st.integers(1, 2**60))
def test_sizes_read_as_written(bytes_: int) -> None:
    assert parse_size(str(bytes_)) == bytes_


@pytest.mark.parametrize(
    ("bytes_", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "0.977 KiB"),
        (1 << 20, "1 MiB"),
        (1 << 40, "1 TiB"),
        (1 << 50, "1.02e+03 TiB"),
    ],
)
def test_writes_sizes_in_three_digits(bytes_: int, text: str) -> None:
    assert format_size(bytes_) == text
