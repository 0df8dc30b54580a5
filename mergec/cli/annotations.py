"""Diagnostics on stdout for services that show them beside the files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from mergec import __version__
from mergec.cli.streams import print_result

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mergec.diagnostics import Diagnostic, ExitCode


def print_annotations(diagnostics: Iterable[Diagnostic]) -> None:
    """Write workflow commands of GitHub Actions, a line each."""
    from mergec.diagnostics.as_github import diagnostic_as_github  # this and below: most runs do without

    for diagnostic in diagnostics:
        print_result(diagnostic_as_github(diagnostic, Path.cwd()))


def print_sarif(diagnostics: Iterable[Diagnostic], exit_code: ExitCode) -> None:
    """Write a SARIF log."""
    from mergec.cli.all_codes import all_codes
    from mergec.diagnostics.as_sarif import sarif_log

    log = sarif_log(diagnostics, all_codes(), Path.cwd(), __version__, exit_code)
    print_result(json.dumps(log, indent=2))
