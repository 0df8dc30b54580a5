"""`--tensor PATTERN`: a part of the tensors that a command tells of."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from mergec.diagnostics import MergecError, did_you_mean, safe
from mergec.recipe.pattern import Pattern

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from typing import TypeVar

    F = TypeVar("F", bound=Callable[..., None])

_HINT = "'--tensor'"


def tensor_option(function: F) -> F:
    """The option, as `tensor`; None without it."""
    return click.option(
        "--tensor", metavar="PATTERN", help="Show only the tensors that this pattern matches."
    )(function)


def matching_names(text: str | None, names: Collection[str], command: str) -> set[str]:
    """The names that a pattern matches, or all without one.

    Raises:
        click.BadParameter: it is no pattern, or matches nothing.
    """
    if text is None:
        return set(names)
    try:
        found = Pattern.parse(text).bind(names).matches
    except MergecError as error:
        raise click.BadParameter(error.errors[0].message, param_hint=_HINT) from None
    if not found:
        advice = did_you_mean(text, names) or f"`mergec {command}` without it lists all"
        raise click.BadParameter(f"`{safe(text)}` matches no tensor: {advice}", param_hint=_HINT)
    return set(found)
