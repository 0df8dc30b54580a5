"""Reads a number of a schedule, and says what stands there where it is none."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from mergec.diagnostics import safe
from mergec.recipe.name_errors import BadSchedule

if TYPE_CHECKING:
    from mergec.diagnostics import Diagnostic
    from mergec.recipe.value_place import Place


# Python refuses to print integers of more than some thousand digits.
_PRINTED_BITS = 128


def finite_number(value: object, place: Place, found: list[Diagnostic]) -> float | None:
    """The value as a float; None, with MC0126 added to `found`, where it is no finite number."""
    number = _float(value)
    if number is not None and math.isfinite(number):
        return number
    wanted = "a number" if number is None else "a finite number"
    found.append(
        BadSchedule(span=place.span(), found=described(value), wanted=wanted, help=_help(value, number))
    )
    return None


def described(value: object) -> str:
    """A value as a message shows it: its kind, and its text where that is short."""
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, int) and value.bit_length() > _PRINTED_BITS:
        return "an integer of very many digits"
    if isinstance(value, list | dict):
        kind = "list" if isinstance(value, list) else "mapping"
        return f"a {kind}" if value else f"an empty {kind}"
    shown = f"`{safe(value)}`"
    return "nothing" if value is None else f"the text {shown}" if isinstance(value, str) else shown


def _float(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return float(value)
    except OverflowError:
        return math.inf


def _help(value: object, number: float | None) -> str:
    if number is not None:
        return "every coefficient must be finite"
    if isinstance(value, str):
        return _help_for_text(value)
    if isinstance(value, dict) and "value" in value:
        return 'write one mapping of patterns to numbers: {"**.mlp.**": 0.3, "**": 0.5}'
    if isinstance(value, dict | list):
        return "schedules do not nest: write a number such as 0.5"
    return "write 1 or 0" if isinstance(value, bool) else "write a number such as 0.5"


def _help_for_text(text: str) -> str:
    if text == "rest":
        return "`rest` stands alone as the weight of a whole input: `weight: rest`"
    try:
        meant = float(text)
    except ValueError:
        return "YAML 1.2 reads words such as `no`, `on` and `1:30` as text; write a number such as 0.5"
    return f"remove the quotes: {meant:g}"
