"""The edit that makes a wrong value what was expected, where one is likely."""

from __future__ import annotations

import re

from mergec.diagnostics import did_you_mean, safe
from mergec.recipe.yaml_tree import scalar

_LARGEST_ADVISED = 10**15
_BOOLEANS = {
    **dict.fromkeys(("yes", "on", "true", "y"), "true"),
    **dict.fromkeys(("no", "off", "false", "n"), "false"),
}


def likely_edit(kind: str, value: object, expected: str) -> str | None:
    """The edit that makes the value what was expected, where one is likely."""
    if isinstance(value, str):
        return _help_for_text(kind, value, expected)
    if isinstance(value, dict) and expected == "a list":
        return f"write a list, without what is given to each: [{', '.join(safe(key) for key in value)}]"
    if isinstance(value, list):
        return "remove the brackets" if kind == "string_type" and len(value) == 1 else None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return _help_for_number(kind, value, expected)


def _help_for_number(kind: str, number: float, expected: str) -> str | None:
    if abs(number) > _LARGEST_ADVISED:
        return None
    if kind == "list_type" and expected == "a list":
        return f"write a list: [{number}]"
    if kind == "string_type" and expected == "a text":
        return f'put it in quotes if it is meant as a text: "{number}"'
    is_whole = kind == "int_type" and float(number).is_integer()
    return f"write {number:.0f}" if is_whole else None


def _help_for_text(kind: str, text: str, expected: str) -> str | None:
    if kind == "list_type":
        return f'write a list: ["{safe(text)}"]'
    if kind == "bool_type" and text.lower() in _BOOLEANS:
        return f"write `{_BOOLEANS[text.lower()]}`; YAML 1.2 reads words such as `yes` and `no` as text"
    if kind == "literal_error":
        return did_you_mean(text, re.findall("`([^`]*)`", expected))
    is_number = kind in {"int_type", "float_type"} and isinstance(scalar(text), int | float)
    return f"remove the quotes: {safe(text)}" if is_number else None
