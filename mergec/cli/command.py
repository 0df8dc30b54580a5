"""A command of the program: a click command that also has the general options."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from mergec.cli.settings import format_option, general_options, json_option

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

HELP_NAMES = {"help_option_names": ["-h", "--help"]}


class Command(click.Command):
    """A command with `--color`, `--quiet` and `--verbose`."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401  # handed on to click as they are
        """Add the general options behind the command's own."""
        super().__init__(*args, **kwargs)
        self.params.extend(general_options())


def command(
    name: str, *, has_json: bool = False, has_formats: bool = False
) -> Callable[[Callable[..., None]], Command]:
    """Make a function a command of that name; with `has_json`, one that has `--json`.

    With `has_formats`, it has `--format` too.
    """

    def declare(function: Callable[..., None]) -> Command:
        made = click.command(name, cls=Command, context_settings=HELP_NAMES)(function)
        if has_json:
            made.params.insert(-3, json_option())
        if has_formats:
            made.params.insert(-3, format_option())
        return made

    return declare
