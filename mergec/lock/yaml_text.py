"""Plain values as YAML: one text for one value, a line for each entry, so that a change is easy to see."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from mergec.recipe.yaml_scalars import flow, quoted

if TYPE_CHECKING:
    from collections.abc import Iterator

_STEP = "  "


def yaml_text(value: Mapping[str, object]) -> str:
    """The document for a mapping of plain values.

    Raises:
        TypeError: a value is not of those that YAML has.
    """
    return "".join(f"{line}\n" for line in _entries(value, ""))


def _entries(value: Mapping[str, object], indent: str) -> Iterator[str]:
    for key, one in value.items():
        yield from _below(f"{indent}{quoted(key)}:", one, indent)


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
        yield f"{head} {flow(value)}"
