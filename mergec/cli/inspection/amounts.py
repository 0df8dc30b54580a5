"""Numbers of parameters, and amounts of tensors, for people."""

from __future__ import annotations

_UNITS = ("", "K", "M", "B", "T")


def format_count(number: int) -> str:
    """`742`, `303 M`, `70.6 B`: with three digits."""
    value = float(number)
    for unit in _UNITS:
        if value < 999.5 or unit == _UNITS[-1]:
            return f"{value:.3g} {unit}".rstrip() if unit else str(number)
        value /= 1000
    raise AssertionError(number)


def format_number(value: float | None) -> str:
    """A rank, an alpha or a scale; empty where it is not known."""
    return "" if value is None else f"{value:g}"
