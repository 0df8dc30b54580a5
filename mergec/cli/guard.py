"""What stands between a command and the user: every way of failing has its text and its exit code."""

from __future__ import annotations

import signal
import sys
import threading
import traceback
from contextlib import contextmanager
from platform import python_version
from typing import TYPE_CHECKING

import click

from mergec import __version__
from mergec.cli.annotations import print_annotations, print_sarif
from mergec.cli.streams import print_diagnostics, print_document, print_message
from mergec.diagnostics import ExitCode, MergecError, safe
from mergec.diagnostics.as_json import diagnostic_as_json
from mergec.diagnostics.internal import InternalFault, OutOfMemory

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from types import FrameType

    from mergec.cli.settings import Settings
    from mergec.diagnostics import Diagnostic

_REPORT_TO = "https://github.com/mergec/mergec/issues"
_FRAMES = 8


class Terminated(BaseException):
    """SIGTERM arrived. Like KeyboardInterrupt, it passes everything but clean-up by."""


def run_guarded(action: Callable[[], object], settings: Settings) -> int:
    """Run a command; its exit code, once whatever stopped it has been told to the user."""
    try:
        with _termination_raises():
            action()
    except (click.exceptions.Exit, click.Abort, click.ClickException):
        raise  # usage: click's own business
    except BaseException as error:  # noqa: BLE001  # what nobody knows how to tell is raised again
        code = _told(error, settings)
        for note in getattr(error, "__notes__", ()):  # what a build leaves to the next one
            print_message(safe(note))
        return code
    return ExitCode.DONE


def _told(error: BaseException, settings: Settings) -> int:
    """Tell what stopped a command; the exit code."""
    match error:
        case MergecError():
            return _tell(error.diagnostics, settings)
        case KeyboardInterrupt():
            print_message("interrupted")
            return ExitCode.INTERRUPTED
        case Terminated():
            print_message("terminated")
            return ExitCode.TERMINATED
        case MemoryError():
            return _tell([OutOfMemory()], settings)
        case Exception():  # a fault is told in our words, never as a raw traceback
            return _tell([_fault(error, settings)], settings)
    raise error


def _tell(diagnostics: Iterable[Diagnostic], settings: Settings) -> int:
    """Say what stopped the run, in the form that the user chose; the exit code."""
    error = MergecError(diagnostics)
    found = error.diagnostics
    if settings.wants_json:
        print_document({"diagnostics": [diagnostic_as_json(one) for one in found]})
    elif settings.format == "github":
        print_annotations(found)
    elif settings.format == "sarif":
        print_sarif(found, error.exit_code)
    else:
        print_diagnostics(found, settings)
    return error.exit_code


def _fault(error: Exception, settings: Settings) -> InternalFault:
    versions = [f"mergec {__version__}", f"Python {python_version()} on {sys.platform}"]
    torch = sys.modules.get("torch")
    if torch is not None:
        versions.append(f"torch {torch.__version__}")
    notes = [", ".join(versions)]
    if settings.is_verbose:
        frames = traceback.extract_tb(error.__traceback__)[-_FRAMES:]
        notes.extend(f"{frame.filename}:{frame.lineno} in {frame.name}" for frame in frames)
    advice = f"please report it with the recipe and this text: {_REPORT_TO}"
    if not settings.is_verbose:
        advice += "; `-v` shows where it happened"
    problem = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    return InternalFault(problem=problem, notes=tuple(notes), help=advice)


@contextmanager
def _termination_raises() -> Iterator[None]:
    """SIGTERM as an exception, so that a build removes its partial output."""
    if threading.current_thread() is not threading.main_thread():  # as a part of another program
        yield
        return

    def terminate(_signal: int, _frame: FrameType | None) -> None:
        raise Terminated

    before = signal.signal(signal.SIGTERM, terminate)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
