"""Sizes as people write them: 5GB, 2GiB, 1_000_000."""

from __future__ import annotations

import re
from fractions import Fraction

_UNITS = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}
_BINARY = {"K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40}
_SIZE = re.compile(r"\s*([0-9][0-9_]*(?:\.[0-9]+)?)\s*([kKmMgGtT]?)(i?)[bB]?\s*")


def parse_size(text: str) -> int:
    """The bytes that a text such as `5GB` (powers of ten) or `2GiB` (powers of two) means.

    Raises:
        ValueError: when it is not a size or not positive.
    """
    found = _SIZE.fullmatch(text)
    if found is None or (found[3] and not found[2]):
        raise ValueError(f"`{text}` is not a size such as 5GB or 512MiB")
    unit = found[2].upper()
    bytes_ = int(Fraction(found[1].replace("_", "")) * (_BINARY if found[3] else _UNITS)[unit])
    if bytes_ < 1:
        raise ValueError(f"`{text}` is not a positive size")
    return bytes_


def format_size(bytes_: float) -> str:
    """A size for people, in powers of two, with three digits."""
    value = float(bytes_)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if value < 1000:  # a three-digit number reads better than 1,012 of the smaller unit
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.3g} {unit}"
        value /= 1024
    return f"{value:.3g} TiB"
