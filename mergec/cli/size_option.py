"""`--size NAME=NUMBER`: the sizes of groups that neither shapes nor config.json tell."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from mergec.diagnostics import safe

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import TypeVar

    F = TypeVar("F", bound=Callable[..., None])


def size_option(function: F) -> F:
    """The option, as `sizes`."""
    return click.option(
        "--size",
        "sizes",
        metavar="NAME=NUMBER",
        multiple=True,
        callback=_sizes,
        help="Give a group of the table its size, as in h=12. May be repeated.",
    )(function)


def _sizes(context: click.Context, parameter: click.Parameter, values: Sequence[str]) -> dict[str, int]:
    found: dict[str, int] = {}
    for text in values:
        name, _, number = text.partition("=")
        if not name or not number.isascii() or not number.isdigit() or int(number[:18]) == 0:
            raise click.BadParameter(f"`{safe(text)}` is not of the form NAME=NUMBER", context, parameter)
        found[name] = int(number[:18])
    return found
