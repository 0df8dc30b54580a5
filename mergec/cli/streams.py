"""Where text goes: results to stdout, everything else to stderr. A reader that went away is no error."""

from __future__ import annotations

import io
import json
import os
import sys
from typing import TYPE_CHECKING, Any, TextIO

import click

from mergec import __version__

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mergec.cli.settings import Settings
    from mergec.diagnostics import Diagnostic

FORMAT_VERSION = "1.0"


def accept_any_text() -> None:
    """Let stdout print names that its encoding lacks, escaped, as stderr always does."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


def print_result(text: str) -> None:
    """Write a line, or several, of the result."""
    _write(text, sys.stdout)


def print_document(content: dict[str, Any]) -> None:
    """Write the result as a JSON document."""
    versions = {"format_version": FORMAT_VERSION, "mergec": __version__}
    _write(json.dumps({**versions, **content}, indent=2), sys.stdout)


def print_message(text: str) -> None:
    """Write a line of a message to the user."""
    _write(text, sys.stderr)


def print_diagnostics(diagnostics: Iterable[Diagnostic], settings: Settings) -> None:
    """Write diagnostics for people."""
    found = list(diagnostics)
    if not found:
        return
    from mergec.diagnostics.render import render  # rich, which most runs never need

    rendered = render(found)
    if not has_color(sys.stderr, settings):
        _write(rendered.plain.rstrip("\n"), sys.stderr)
        return
    from rich.console import Console  # see above

    buffer = io.StringIO()
    console = Console(file=buffer, force_terminal=True, color_system="standard", no_color=False)
    console.print(rendered, soft_wrap=True, end="")
    _write(buffer.getvalue().rstrip("\n"), sys.stderr)


def has_color(stream: TextIO | None, settings: Settings) -> bool:
    """Whether colours are wanted on a stream: the option decides, then NO_COLOR, then FORCE_COLOR."""
    if settings.color != "auto":
        return settings.color == "always"
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR", "0") != "0":
        return True
    return stream is not None and stream.isatty() and os.environ.get("TERM") != "dumb"


def _write(text: str, stream: TextIO | None) -> None:
    if stream is None:  # closed by whoever started us
        return
    try:
        click.echo(text, file=stream, color=True)
        stream.flush()
    except BrokenPipeError:
        # What is left in the buffer, and what is still to come, goes nowhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
