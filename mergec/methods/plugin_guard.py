"""What a plugin's code does wrong, told as its author needs it."""

from __future__ import annotations

import traceback
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from mergec.diagnostics import MergecError
from mergec.methods.method import MethodError

if TYPE_CHECKING:
    from collections.abc import Iterator


class PluginError(Exception):
    """A plugin cannot be used, or failed; the text says why, and `notes` where."""

    def __init__(self, problem: str, notes: tuple[str, ...] = ()) -> None:
        """Say what is wrong."""
        super().__init__(problem)
        self.notes = notes


@contextmanager
def guarded(what: str, own: Path) -> Iterator[None]:
    """Code of a plugin, which lies at `own` (a file or folder), runs inside.

    Raises:
        PluginError: it raised something that is not meant for the user: `what`, then the error.
    """
    try:
        yield
    except (MergecError, MethodError, PluginError):
        raise
    except (Exception, SystemExit) as error:
        told = str(error).strip().splitlines()
        problem = f"{what}: {type(error).__name__}{f': {told[0]}' if told else ''}"
        raise PluginError(problem, _place(error, own)) from error


def _place(error: BaseException, own: Path) -> tuple[str, ...]:
    """The last line of the plugin that was running, or that Python cannot read."""
    lines = [(frame.filename, frame.lineno) for frame in traceback.extract_tb(error.__traceback__)]
    if isinstance(error, SyntaxError):
        lines.append((error.filename or "", error.lineno))
    inside = [(Path(file).name, line) for file, line in lines if Path(file).is_relative_to(own)]
    return (f"in line {inside[-1][1]} of {inside[-1][0]}",) if inside else ()
