"""`--plugin`: merge methods of files that the user names on the command line, which is to allow them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mergec.diagnostics import Report
from mergec.lower.bind import operations
from mergec.methods.known_methods import installed_methods

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import TypeVar

    from mergec.steps.operation import Operation

    F = TypeVar("F", bound=Callable[..., Any])


def plugin_option(function: F) -> F:
    """`--plugin FILE`, as `plugins`."""
    return click.option(
        "--plugin",
        "plugins",
        type=click.Path(path_type=Path),
        metavar="FILE.py",
        multiple=True,
        help="Run this Python file, and show its methods too. May be repeated.",
    )(function)


def known_operations(plugins: Sequence[Path]) -> dict[str, Operation]:
    """All operations: of mergec, of these files, and of installed packages.

    Raises:
        MergecError: MC0382 and MC0383.
    """
    report = Report()
    known = installed_methods(plugins, report)
    report.stop_on_error()
    return operations(known)
