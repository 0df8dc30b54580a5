"""Plain values as YAML: one text for one value, a line for each entry, so that a change is easy to see."""

from __future__ import annotations

import re
from collections.abc import Mapping
from math import isnan
from typing import TYPE_CHECKING

from mergec.recipe.yaml_tree import scalar

if TYPE_CHECKING:
    from collections.abc import Iterator

# Letters that mean nothing to YAML, wherever they stand; everything else is quoted.
_PLAIN = re.compile(r"[A-Za-z0-9_./+][A-Za-z0-9_./+-]*")
_UNQUOTABLE = re.compile(r'[^ -~\u00a1-\u167f\u2030-\u205e\u3001-\ud7ff]|["\\]')
_STEP = "  "


def yaml_text(value: Mapping[str, object]) -> str:
    """The document for a mapping of plain values.

    Raises:
        TypeError: a value is not of those that YAML has.
    """
    return "".join(f"{line}\n" for line in _entries(value, ""))


def _entries(value: Mapping[str, object], indent: str) -> Iterator[str]:
    for key, one in value.items():
        yield from _below(f"{indent}{_quoted(key)}:", one, indent)


def _below(head: str, value: object, indent: str) -> Iterator[str]:
    """A key or a dash, and what follows it."""
    if isinstance(value, Mapping) and value:
        yield head
        yield from _entries(value, indent + _STEP)
    elif isinstance(value, list) and any(isinstance(one, Mapping | list) for one in value):
        yield head
        for one in value:
            yield from _below(f"{indent}{_STEP}-", one, indent + _STEP)
    else:
        yield f"{head} {_short(value)}"


def _short(value: object) -> str:
    if isinstance(value, Mapping):
        return "{}"
    if isinstance(value, list):
        return f"[{', '.join(map(_short, value))}]"
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, str):
        return _quoted(value)
    if isinstance(value, float) and not value.is_integer():
        special = {"inf": ".inf", "-inf": "-.inf"}
        return ".nan" if isnan(value) else special.get(repr(value), repr(value))
    if isinstance(value, int | float):
        return repr(value)
    raise TypeError(f"a {type(value).__name__} cannot be written as YAML")


def _quoted(text: str) -> str:
    """The text in quotes, unless it reads as itself without them."""
    if _PLAIN.fullmatch(text) and scalar(text) == text:
        return text
    return '"' + _UNQUOTABLE.sub(lambda found: _escaped(found[0]), text) + '"'


def _escaped(char: str) -> str:
    if char in '"\\':
        return f"\\{char}"
    return f"\\u{ord(char):04x}" if ord(char) < 1 << 16 else f"\\U{ord(char):08x}"
