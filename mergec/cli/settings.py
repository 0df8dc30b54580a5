"""What holds for a whole run of the command line, whichever command it is."""

from __future__ import annotations

from dataclasses import dataclass

import click


@dataclass(slots=True)
class Settings:
    """The general options. They may stand before or after the command's name."""

    color: str = "auto"
    is_quiet: bool = False
    is_verbose: bool = False
    format: str | None = None  # what `--json` or `--format` chose; None is text, for people

    @property
    def wants_json(self) -> bool:
        """Whether the result is to be one JSON document."""
        return self.format == "json"


def current_settings() -> Settings:
    """The settings of the running command."""
    return settings_of(click.get_current_context())


def settings_of(context: click.Context) -> Settings:
    """The settings of the run that a context belongs to."""
    return context.find_root().ensure_object(Settings)


def general_options() -> list[click.Option]:
    """The options that every command has."""
    return [
        click.Option(
            ["--color"],
            type=click.Choice(["auto", "always", "never"]),
            expose_value=False,
            callback=_set_color,
            help="Colours: auto follows the terminal, NO_COLOR and FORCE_COLOR.",
        ),
        click.Option(
            ["-q", "--quiet"],
            is_flag=True,
            expose_value=False,
            callback=_set_quiet,
            help="Only results and errors: no progress, no warnings.",
        ),
        click.Option(
            ["-v", "--verbose"],
            is_flag=True,
            expose_value=False,
            callback=_set_verbose,
            help="Say more, also about faults of mergec itself.",
        ),
    ]


def json_option() -> click.Option:
    """The option of commands whose result a machine may want."""
    return click.Option(
        ["--json"],
        is_flag=True,
        expose_value=False,
        callback=_set_json,
        help="The result, or what is wrong, as one JSON document on stdout.",
    )


def format_option() -> click.Option:
    """The option of commands whose result tools that show files may want."""
    return click.Option(
        ["--format"],
        type=click.Choice(["text", "github", "sarif", "json"]),
        expose_value=False,
        callback=_set_format,
        help="text for people; github for the log of a workflow, which makes notes on files of it; sarif for "
        "code scanning; json is the same as --json. [default: text]",
    )


def _set_color(context: click.Context, _: click.Parameter, value: str | None) -> None:
    if value is not None:
        settings_of(context).color = value


def _set_quiet(context: click.Context, _: click.Parameter, value: bool) -> None:  # noqa: FBT001  # click's way
    settings_of(context).is_quiet |= value


def _set_verbose(context: click.Context, _: click.Parameter, value: bool) -> None:  # noqa: FBT001  # click's way
    settings_of(context).is_verbose |= value


def _set_json(context: click.Context, parameter: click.Parameter, value: bool) -> None:  # noqa: FBT001  # click's way
    _set_format(context, parameter, "json" if value else None)


def _set_format(context: click.Context, _: click.Parameter, value: str | None) -> None:
    settings = settings_of(context)
    if value is None:
        return
    if settings.format not in {None, value}:
        raise click.UsageError("--json and another --format exclude each other", context)
    settings.format = value
