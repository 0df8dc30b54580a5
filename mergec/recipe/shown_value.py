"""A value of a recipe as messages quote it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mergec.diagnostics import safe
from mergec.recipe.finite_number import described

if TYPE_CHECKING:
    from collections.abc import Callable

_SHOWN: dict[type, Callable[[Any], str]] = {
    type(None): lambda _: "nothing",
    bool: lambda value: f"`{str(value).lower()}`",
    str: lambda value: f'the text "{safe(value)}"' if value else "an empty text",
    dict: lambda value: "a mapping" if value else "an empty mapping",
    list: lambda value: "a list" if value else "an empty list",
    int: described,
}


def shown(value: object) -> str:
    """A value as a message quotes it, with its kind where the text alone could mislead."""
    say = _SHOWN.get(type(value))
    return say(value) if say is not None else f"`{value}`"
