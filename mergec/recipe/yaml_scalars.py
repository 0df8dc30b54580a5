"""Plain values as YAML on one line, which every parser reads alike."""

from __future__ import annotations

import re
from collections.abc import Mapping
from math import isnan

from mergec.recipe.yaml_tree import scalar

# Letters that mean nothing to YAML, wherever they stand; everything else is quoted.
_PLAIN = re.compile(r"[A-Za-z0-9_./+][A-Za-z0-9_./+-]*")
_UNQUOTABLE = re.compile(r'[^ -~\u00a1-\u167f\u2030-\u205e\u3001-\ud7ff]|["\\]')


def flow(value: object) -> str:
    """The value on one line, lists and mappings in brackets and braces.

    Raises:
        TypeError: it is not of those that YAML has.
    """
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{quoted(key)}: {flow(one)}' for key, one in value.items())}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(flow, value))}]"
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, str):
        return quoted(value)
    if isinstance(value, float) and not value.is_integer():
        special = {"inf": ".inf", "-inf": "-.inf"}
        return ".nan" if isnan(value) else special.get(repr(value), repr(value))
    if isinstance(value, int | float):
        return repr(value)
    raise TypeError(f"a {type(value).__name__} cannot be written as YAML")


def quoted(text: str) -> str:
    """The text in quotes, unless it reads as itself without them."""
    if _PLAIN.fullmatch(text) and scalar(text) == text:
        return text
    return '"' + _UNQUOTABLE.sub(lambda found: _escaped(found[0]), text) + '"'


def _escaped(char: str) -> str:
    if char in '"\\':
        return f"\\{char}"
    return f"\\u{ord(char):04x}" if ord(char) < 1 << 16 else f"\\U{ord(char):08x}"
